//! The portal's policy as stored, and `provodka policy`.
//!
//! What is stored is the person's own text, with its comments; `planner::Policy` reads it.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use connector_office::Organisation;
use jiff::Timestamp;
use planner::{Funnel, Policy, PolicyError};
use serde_json::json;
use store::{Lane, Look, StoredPolicy, Subject};

use crate::args::PolicyCommand;
use crate::config::Accounting;
use crate::fault::Told;
use crate::papers;
use crate::product::Product;

pub use desk::policy::{StoredPolicyError, read, text};

/// Puts a text in force as the version after `over`, and has the portal looked at.
///
/// # Errors
/// When the text is no policy or says otherwise than the configuration who is a test, a file that it names cannot be
/// used, an organisation belongs to another portal, or somebody was faster.
pub async fn put(product: &Product, text: &str, over: i64, author: &str) -> anyhow::Result<i64> {
    let policy = Policy::parse(text).map_err(mistaken)?;
    if let Accounting::Office(organisations) = &product.config.accounting {
        agree_on_tests(organisations, &policy.organisations)?;
    }
    papers::load(&product.config, &policy).await?;
    claim(product, &policy).await?;
    let now = product.clock.now();
    let before = product.store.policy_current(product.portal()).await?;
    let before = before.and_then(|stored| read(&stored).ok());
    let body = json!({ "toml": text });
    let added = product
        .store
        .policy_add(product.portal(), over, &body, author, now)
        .await?;
    let version = added.ok_or_else(|| {
        Told::mistake(format!("version {over} is not in force any more"))
            .hint("somebody changed the policy meanwhile: look at `provodka policy diff FILE` and apply again")
    })?;
    // Deals that it is about now, and questions that it may have answered; invoices that were linked while their funnel was
    // only watched are shown from now on.
    let mut tasks = vec![
        reconciler::portal_task::SWEEP,
        reconciler::portal_task::CASES,
    ];
    if sets_to_work(before.as_ref(), &policy) {
        tasks.push(reconciler::portal_task::LINKS);
    }
    let look = |task| Look {
        subject: Subject::portal(task),
        lane: Lane::Click,
        due_at: now,
        reason: "person changed the policy".to_owned(),
    };
    let looks: Vec<Look> = tasks.into_iter().map(look).collect();
    product.store.look(product.portal(), &looks).await?;
    product
        .note_person(json!({"policy": version, "author": author}))
        .await?;
    Ok(version)
}

/// Whether a funnel becomes active that was not.
fn sets_to_work(before: Option<&Policy>, policy: &Policy) -> bool {
    let was_active = |id| before.is_some_and(|before| before.is_active(id));
    let mut funnels = policy.funnels.iter().map(|funnel| funnel.id);
    funnels.any(|id| policy.is_active(id) && !was_active(id))
}

/// What the office's books count as a test, the policy has to call a sample, and nothing else.
fn agree_on_tests(
    organisations: &[Organisation],
    ruled: &[planner::Organisation],
) -> Result<(), Told> {
    for organisation in organisations {
        let ruled = ruled.iter().find(|ruled| ruled.id == organisation.id);
        if ruled.is_some_and(|ruled| ruled.test != organisation.test) {
            let (id, test) = (&organisation.id, organisation.test);
            return Err(Told::mistake(format!(
                "organisation `{id}` has `test = {test}` in the configuration and `test = {}` in the policy",
                !test
            ))
            .hint("say the same in `accounting.organisations` and in the policy's `organisations`"));
        }
    }
    Ok(())
}

/// Makes the policy's organisations this portal's.
///
/// # Errors
/// When one belongs to another portal.
pub async fn claim(product: &Product, policy: &Policy) -> anyhow::Result<()> {
    for organisation in &policy.organisations {
        let claimed = product
            .store
            .organisation_claim(product.portal(), &organisation.id)
            .await?;
        if let Err(taken) = claimed {
            return Err(Told::mistake(format!(
                "organisation `{}` belongs to portal `{}`",
                organisation.id, taken.by
            ))
            .hint("an organisation belongs to one portal: remove it from the other's policy first")
            .into());
        }
    }
    Ok(())
}

/// Runs a command; gives what it prints.
///
/// # Errors
/// When there is no policy, the file is none, or the store fails.
pub async fn run(product: &Product, command: PolicyCommand) -> anyhow::Result<String> {
    match command {
        PolicyCommand::Export { version: None } => Ok(text(&current(product).await?)?.to_owned()),
        PolicyCommand::Export {
            version: Some(version),
        } => {
            let stored = product.store.policy_get(product.portal(), version).await?;
            let stored = stored.ok_or_else(|| {
                Told::mistake(format!("there is no version {version}"))
                    .hint("`provodka policy history` lists them")
            })?;
            Ok(text(&stored)?.to_owned())
        }
        PolicyCommand::Diff { file } => {
            let new = content(&file)?;
            Policy::parse(&new).map_err(mistaken)?;
            Ok(diff(text(&current(product).await?)?, &new))
        }
        PolicyCommand::Apply { file, over } => {
            let new = content(&file)?;
            let in_force = product.store.policy_current(product.portal()).await?;
            let version = in_force.as_ref().map_or(0, |stored| stored.version);
            // One that cannot be read any more is mended by just this command.
            let former = in_force.and_then(|stored| read(&stored).ok());
            let wanted = Policy::parse(&new).map_err(mistaken)?;
            is_heard(former.as_ref(), &wanted)?;
            let begins = match &former {
                Some(former) => begins(former, &wanted, product.clock.now())?,
                None => String::new(),
            };
            let version = put(
                product,
                &new,
                over.unwrap_or(version),
                "provodka policy apply",
            )
            .await?;
            let decides = who_decides(product, &new)?;
            Ok(format!("version {version} is in force\n{begins}{decides}"))
        }
        PolicyCommand::History => history(product).await,
    }
}

/// What is told of the funnels that become active.
///
/// # Errors
/// When one does not say since when: what entered its stages since the portal's start was never promised an invoice.
fn begins(former: &Policy, new: &Policy, now: Timestamp) -> Result<String, Told> {
    let begun = |funnel: &&Funnel| new.is_active(funnel.id) && !former.is_active(funnel.id);
    let mut told = String::new();
    for funnel in new.funnels.iter().filter(begun) {
        if funnel.start_at.is_none() && new.start_at == former.start_at {
            return Err(Told::mistake(format!(
                "funnel {} becomes active and does not say since when",
                funnel.id
            ))
            .hint(format!(
                "write `start_at = \"{:.0}\"` into its section of `funnels`: what entered its invoice stages before is \
                 left alone",
                now
            )));
        }
        told.push_str(&format!(
            "funnel {}: deals that entered its invoice stages since {} get their invoices\n",
            funnel.id,
            new.start_of(funnel)
        ));
    }
    Ok(told)
}

/// # Errors
/// When a funnel becomes active, and what needs an administrator's hand would be told to nobody.
fn is_heard(former: Option<&Policy>, new: &Policy) -> Result<(), Told> {
    let was_active = |id| former.is_some_and(|former| former.is_active(id));
    let mut funnels = new.funnels.iter();
    let begins = funnels.any(|one| new.is_active(one.id) && !was_active(one.id));
    if begins && new.administrator.is_none() {
        return Err(told_to_nobody()
            .hint("write `administrator = \"chat12\"`, a chat or a user, into the policy"));
    }
    Ok(())
}

/// Invoices would be issued, and what goes wrong with them told to nobody; an accountant who is named hears his part.
pub(crate) fn told_to_nobody() -> Told {
    Told::mistake(
        "the policy names no `administrator`: nobody would be told of what needs his hand, nor of what \
         the accountant answers where no `accountant` is named",
    )
}

/// Who decides about payments, where the text leaves it to what the accounting side can tell.
fn who_decides(product: &Product, text: &str) -> anyhow::Result<&'static str> {
    let policy = Policy::parse(text).map_err(mistaken)?;
    let is_left_open = policy.money.is_some_and(|money| money.booking.is_none());
    Ok(
        match (
            is_left_open,
            product.config.accounting.returns_allocations(),
        ) {
            (false, _) => "",
            (true, true) => {
                "the accountant decides about payments: `money.booking` is not set, and his side returns what he gave\n"
            }
            (true, false) => {
                "provodka decides about payments: `money.booking` is not set, and no side returns what an accountant gave\n"
            }
        },
    )
}

async fn current(product: &Product) -> anyhow::Result<StoredPolicy> {
    let stored = product.store.policy_current(product.portal()).await?;
    Ok(stored.ok_or_else(|| {
        Told::mistake("the portal has no policy yet").hint("`provodka setup` writes the first one")
    })?)
}

async fn history(product: &Product) -> anyhow::Result<String> {
    let versions = product.store.policy_list(product.portal()).await?;
    let mut text = String::new();
    let mut former = String::new();
    for stored in &versions {
        let now = self::text(stored)?;
        let changed = diff(&former, now)
            .lines()
            .filter(|line| line.starts_with(['+', '-']))
            .count();
        text.push_str(&format!(
            "{}\t{}\t{changed} lines changed\t{}\n",
            stored.version, stored.created_at, stored.author
        ));
        former = now.to_owned();
    }
    Ok(text)
}

fn content(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
        .with_context(|| Told::mistake(format!("cannot read `{}`", file.display())))
}

fn mistaken(error: PolicyError) -> anyhow::Error {
    anyhow::Error::new(error).context(
        Told::mistake("this is no policy")
            .hint("`provodka policy export` prints the one in force, as a pattern"),
    )
}

/// The lines that differ, `-` before and `+` after, each with two lines around; nothing where none do.
pub fn diff(before: &str, after: &str) -> String {
    const AROUND: usize = 2;
    let lines = edits(before, after);
    let mut near = vec![false; lines.len()];
    for (index, (mark, _)) in lines.iter().enumerate() {
        if *mark != ' ' {
            let from = index.saturating_sub(AROUND);
            near.iter_mut()
                .skip(from)
                .take(index.saturating_sub(from).saturating_add(1 + AROUND))
                .for_each(|near| *near = true);
        }
    }
    let mut text = String::new();
    let mut skipped = false;
    for ((mark, line), near) in lines.iter().zip(near) {
        if near {
            if skipped && !text.is_empty() {
                text.push_str("…\n");
            }
            text.push_str(&format!("{mark}{line}\n"));
        }
        skipped = !near;
    }
    text
}

/// The shortest way from one text to the other, line by line: kept, removed and added lines in order.
fn edits<'a>(before: &'a str, after: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // common[i][j]: how many lines old[i..] and new[j..] share in order.
    let mut common = vec![vec![0_usize; new.len().saturating_add(1)]; old.len().saturating_add(1)];
    let at = |common: &Vec<Vec<usize>>, i: usize, j: usize| {
        common
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or(0)
    };
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let best = if one == other {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut edits = Vec::new();
    loop {
        match (old.get(i), new.get(j)) {
            (Some(one), Some(other)) if one == other => {
                edits.push((' ', *one));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other)
                if other.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) =>
            {
                edits.push(('-', *one));
                i += 1;
            }
            (_, Some(other)) => {
                edits.push(('+', *other));
                j += 1;
            }
            (_, None) => return edits,
        }
    }
}

#[cfg(test)]
mod tests {
    use connector_office::Organisation;
    use domain::{Inn, OrganisationId};
    use serde_json::json;

    use planner::Policy;

    use super::{agree_on_tests, begins, diff, is_heard};

    #[test]
    fn a_funnel_that_becomes_active_says_since_when() {
        let example = include_str!("../../../config/policy.toml");
        let own = "start_at = \"2026-05-04T06:00:00Z\"\n";
        let [portals, others] = ["2026-03-12T09:00:00Z", "2026-06-01T09:00:00Z"];
        let parsed = |text: String| Policy::parse(&text).unwrap();
        let active = example.to_owned();
        let bare = example.replace(own, "");
        let watched = bare.replace("mode = \"active\"", "mode = \"watch_only\"");
        let off = bare.replace("mode = \"active\"", "mode = \"off\"");
        let now = "2026-06-10T07:00:00Z".parse().unwrap();
        let told = |former: &str, new: &str| {
            begins(&parsed(former.to_owned()), &parsed(new.to_owned()), now)
        };
        for former in [&watched, &off] {
            assert!(told(former, &bare).is_err());
            let since = |new: &str| told(former, new).unwrap();
            assert!(since(&active).contains("since 2026-05-04T06:00:00Z"));
            let anew = bare.replace(portals, others);
            assert!(since(&anew).contains(&format!("since {others}")));
        }
        // Nothing begins.
        for (former, new) in [(&bare, &bare), (&active, &bare), (&active, &watched)] {
            assert_eq!(told(former, new).unwrap(), "");
        }
    }

    #[test]
    fn a_funnel_that_becomes_active_has_somebody_to_tell() {
        let example = include_str!("../../../config/policy.toml");
        let mut policy = Policy::parse(example).unwrap();
        assert!(is_heard(None, &policy).is_ok());
        policy.administrator = None;
        let told = is_heard(None, &policy).unwrap_err();
        assert!(told.to_string().contains("no `administrator`"), "{told}");
        // What is at work already is mended by `check`'s advice; another change of the policy is not held up.
        assert!(is_heard(Some(&policy), &policy).is_ok());
        let watched = example.replace("mode = \"active\"", "mode = \"watch_only\"");
        let mut watched = Policy::parse(&watched).unwrap();
        watched.administrator = None;
        assert!(is_heard(None, &watched).is_ok());
        assert!(is_heard(Some(&watched), &policy).is_err());
    }

    #[test]
    fn who_is_a_test_is_said_alike_in_configuration_and_policy() {
        let books = |test: bool| Organisation {
            id: OrganisationId::new("north"),
            name: "ООО «Север»".to_owned(),
            inn: Inn::parse("7707083893").unwrap(),
            kpp: None,
            test,
            prefix: String::new(),
            go_on: None,
        };
        let ruled = |id: &str, test: bool| -> planner::Organisation {
            let text = json!({"id": id, "title": "Север", "own_company": 1, "time_zone": "Europe/Moscow", "test": test});
            serde_json::from_value(text).unwrap()
        };
        for (in_books, in_policy, agree) in [
            (false, false, true),
            (true, true, true),
            (true, false, false),
            (false, true, false),
        ] {
            let told = agree_on_tests(&[books(in_books)], &[ruled("north", in_policy)]);
            assert_eq!(told.is_ok(), agree, "{in_books} {in_policy}");
        }
        // Another one is none of the office's.
        assert!(agree_on_tests(&[books(true)], &[ruled("south", false)]).is_ok());
    }

    #[test]
    fn a_difference_shows_changed_lines_with_two_around() {
        for (before, after, expected) in [
            ("a\nb\n", "a\nb\n", ""),
            ("", "a\n", "+a\n"),
            ("a\n", "", "-a\n"),
            ("a\nb\nc\n", "a\nx\nc\n", " a\n-b\n+x\n c\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "1\n2\n3\n4!\n5\n6\n7\n8\n9\n0\n",
                " 2\n 3\n-4\n+4!\n 5\n 6\n…\n 8\n 9\n+0\n",
            ),
        ] {
            assert_eq!(diff(before, after), expected, "{before:?} {after:?}");
        }
    }
}
