//! Whether the chats of administrator and accountant are there, before they are kept: else the first urgent word would get
//! lost.

use capability::Call;
use connector_bitrix24::{Addressee, FieldNames, Offline};

use planner::Policy;

use super::{Wishes, unreachable_portal};
use crate::fault::Told;
use crate::policy;
use crate::product::Product;

/// Whoever wants invoices issued names somebody who is told of what needs a hand.
///
/// # Errors
/// When neither he nor the policy names anybody.
pub(super) fn named(wishes: &Wishes, former: Option<&Policy>) -> Result<(), Told> {
    let is_named = wishes.administrator.is_some()
        || former.is_some_and(|policy| policy.administrator.is_some());
    if wishes.active && !is_named {
        return Err(policy::told_to_nobody()
            .hint("name a chat or a user: `provodka setup --active --administrator chat12`"));
    }
    Ok(())
}

/// Looks at the dialog; nobody is written to.
///
/// # Errors
/// When there is no such chat or user, or the technical user may not write there.
pub(super) async fn found(product: &Product, call: &Call<'_>, dialog: &str) -> anyhow::Result<()> {
    let portal = product
        .connector
        .bitrix24(FieldNames::default(), Offline::Absent)?;
    let seen = portal.addressee(call, dialog).await;
    match refused(
        seen.map_err(|error| unreachable_portal(&error.to_string()))?,
        dialog,
    ) {
        None => Ok(()),
        Some(refused) => Err(refused.into()),
    }
}

fn refused(seen: Addressee, dialog: &str) -> Option<Told> {
    let (message, hint) = match seen {
        Addressee::Open => return None,
        Addressee::Closed => (
            format!("the technical user is no member of a chat `{dialog}`, or there is none"),
            "add the technical user to the chat, or name another: its link ends with its name",
        ),
        Addressee::ReadOnly => (
            format!("the technical user may not write to `{dialog}`"),
            "let members write there, make the technical user a manager of the chat, or name another",
        ),
        Addressee::NoUser => (
            format!("the portal has no user {dialog}"),
            "the number stands in the link to the user's profile; a chat is written `chat12`",
        ),
        Addressee::Dismissed => (format!("user {dialog} is dismissed"), "name another"),
        Addressee::Misspelt => (
            format!("`{dialog}` is no chat and no user"),
            "write `chat12`, as the chat's link ends, or a user's id",
        ),
    };
    Some(Told::mistake(message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::{named, refused};
    use crate::setup::Wishes;
    use connector_bitrix24::Addressee;
    use planner::Policy;

    #[test]
    fn nothing_begins_while_nobody_is_told_of_what_needs_a_hand() {
        let mut policy = Policy::parse(include_str!("../../../../config/policy.toml")).unwrap();
        let wishes = |active: bool, dialog: Option<&str>| Wishes {
            administrator: dialog.map(str::to_owned),
            active,
            ..Wishes::default()
        };
        assert_eq!(named(&wishes(true, None), Some(&policy)), Ok(()));
        policy.administrator = None;
        for former in [None, Some(&policy)] {
            assert_eq!(named(&wishes(false, None), former), Ok(()));
            assert_eq!(named(&wishes(true, Some("chat12")), former), Ok(()));
            let told = named(&wishes(true, None), former).unwrap_err();
            assert!(told.to_string().contains("no `administrator`"), "{told}");
        }
    }

    #[test]
    fn only_where_the_technical_user_may_write_nothing_is_refused() {
        assert_eq!(refused(Addressee::Open, "chat12"), None);
        for seen in [
            Addressee::Closed,
            Addressee::ReadOnly,
            Addressee::NoUser,
            Addressee::Dismissed,
            Addressee::Misspelt,
        ] {
            let told = refused(seen, "12").unwrap();
            assert!(told.to_string().contains("12"), "{told}");
        }
    }
}
