//! Questions for people: how one is worded, who is told, and when it has answered itself.

use domain::DealId;
use domain::observed::{DealGlance, DealReading, Record};

use crate::{
    Action, Case, CaseCode, Choice, DealSnapshot, Fault, NextDay, OpenCase, OurInvoice, Plan, Whom,
    texts,
};

/// Why no invoice can be made of a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Something is missing or wrong, and is mended in its place.
    Faults(Vec<Fault>),
    /// All is there, and only a person can say what is right.
    Question(Box<Question>),
}

/// A question with its choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) code: CaseCode,
    /// What exactly is asked; an answer holds for nothing else.
    pub(crate) about: String,
    /// Before the choices, in Russian.
    pub(crate) text: String,
    pub(crate) choices: Vec<Choice>,
    /// The same as faults of the deal, for where more is the matter.
    pub(crate) faults: Vec<String>,
}

impl Lack {
    /// As faults of the deal, whatever it is.
    pub(crate) fn into_faults(self, deal: DealId) -> Vec<Fault> {
        match self {
            Self::Faults(faults) => faults,
            Self::Question(question) => of_deal(deal, question.faults),
        }
    }
}

fn of_deal(deal: DealId, faults: Vec<String>) -> Vec<Fault> {
    let fault = |what| Fault {
        what,
        place: format!("/crm/deal/details/{deal}/"),
        record: Some(Record::Deal(deal)),
    };
    faults.into_iter().map(fault).collect()
}

/// The case that asks for what a deal lacks.
pub(crate) fn lacking(deal: DealId, reading: &DealReading, lack: Lack) -> Asked {
    match lack {
        Lack::Faults(faults) => fill_in(deal, reading, faults),
        Lack::Question(question) => put(deal, reading, *question),
    }
}

/// The case of a question with choices.
fn put(deal: DealId, reading: &DealReading, question: Question) -> Asked {
    let text = texts::with_choices(&question.text, &question.choices);
    let mut asked = case(deal, question.code, text, responsible(&reading.glance));
    let faults = of_deal(deal, question.faults);
    asked.case.waits_for = waits_for(deal, reading, &faults);
    asked.case.faults = faults;
    asked.case.choices = question.choices;
    asked.case.about = question.about;
    asked
}

/// A case with the person who is told.
pub(crate) struct Asked {
    pub(crate) case: Case,
    pub(crate) whom: Whom,
}

pub(crate) fn case(deal: DealId, code: CaseCode, text: String, whom: Whom) -> Asked {
    Asked {
        case: Case {
            code,
            key: code.as_str().to_owned(),
            cause: code.as_str().to_owned(),
            text,
            faults: Vec::new(),
            waits_for: vec![Record::Deal(deal)],
            choices: Vec::new(),
            about: String::new(),
            by_mark: None,
            whom: None,
        },
        whom,
    }
}

/// Each invoice is a cause of its own: the administrator hears of every one.
pub(crate) fn about_invoice(
    deal: DealId,
    code: CaseCode,
    invoice: &OurInvoice,
    text: String,
) -> Asked {
    let mut asked = case(deal, code, text, Whom::Administrator);
    asked.case.cause = format!(
        "{code}: {}/{}",
        invoice.organisation,
        invoice.id,
        code = code.as_str()
    );
    asked
}

pub(crate) fn fill_in(deal: DealId, reading: &DealReading, faults: Vec<Fault>) -> Asked {
    let mut asked = case(
        deal,
        CaseCode::DealDataMissing,
        texts::missing(&faults),
        responsible(&reading.glance),
    );
    asked.case.waits_for = waits_for(deal, reading, &faults);
    let causes: Vec<String> = faults.iter().map(|fault| fault.what.clone()).collect();
    asked.case.cause = causes.join("; ");
    asked.case.faults = faults;
    asked
}

pub(crate) fn choose(deal: DealId, reading: &DealReading, buyer: &str, known: &[String]) -> Asked {
    let text = format!(
        "Счёт не выставлен: контрагента {buyer} в учёте нет или он не один. Есть: {}. \
         Проверьте КПП в реквизитах сделки или исправьте карточку в учёте.",
        known.join("; ")
    );
    let mut asked = case(
        deal,
        CaseCode::CounterpartyAmbiguous,
        text,
        responsible(&reading.glance),
    );
    asked.case.waits_for = waits_for(deal, reading, &[]);
    asked
}

/// A question to the accountant about a deal's buyer.
pub(crate) fn about_buyer(
    deal: DealId,
    reading: &DealReading,
    code: CaseCode,
    text: String,
) -> Asked {
    let mut asked = case(deal, code, text, Whom::Administrator);
    asked.case.waits_for = waits_for(deal, reading, &[]);
    asked
}

pub(crate) fn waits_for(deal: DealId, reading: &DealReading, faults: &[Fault]) -> Vec<Record> {
    let of_deal = &reading.glance.deal;
    let mut records = vec![Record::Deal(deal)];
    records.extend(of_deal.company.map(Record::Company));
    records.extend(of_deal.contact.map(Record::Contact));
    records.extend(
        reading
            .requisites
            .iter()
            .map(|one| Record::Requisite(one.id)),
    );
    records.extend(faults.iter().filter_map(|fault| fault.record));
    records.sort_unstable();
    records.dedup();
    records
}

pub(crate) fn responsible(glance: &DealGlance) -> Whom {
    Whom::User(glance.deal.responsible)
}

/// Opens a question, and tells somebody unless they were told of just this text. Whoever takes the deal over is told as well,
/// which [`crate::notices::heard_already`] keeps from who knows.
pub(crate) fn ask(snapshot: &DealSnapshot, asked: Asked) -> Plan {
    let Asked { mut case, whom } = asked;
    case.whom = match whom {
        Whom::User(user) => Some(user),
        Whom::HeadOf(_) | Whom::Administrator => None,
    };
    let mut plan = Plan {
        because: vec![case.text.clone()],
        ..Plan::default()
    };
    let open = snapshot.open_cases.get(&case.key);
    let is_same = |open: &&OpenCase| {
        let is_his = open.whom.is_none() || open.whom == case.whom;
        open.text == case.text && is_his
    };
    let known = open.filter(is_same).is_some_and(|open| !open.watched);
    if !known || open.is_some_and(|open| !open.told) {
        plan.actions.push(Action::Notify {
            whom,
            about: case.key.clone(),
            text: message(&case.text),
            also: Vec::new(),
            besides: Vec::new(),
            list: None,
            edits: None,
        });
    }
    if !known {
        plan.cases.push(case);
    }
    plan
}

/// So many characters a message may have, and so many lines of it are kept at its end, where the choices stand.
const LONGEST: usize = 12_000;
const LAST_LINES: usize = 8;

/// A question as a message. One about hundreds of rows is no message any more: the page of questions has all of it.
fn message(question: &str) -> String {
    if question.chars().count() <= LONGEST {
        return question.to_owned();
    }
    let lines: Vec<&str> = question.lines().collect();
    let end = lines.len().saturating_sub(LAST_LINES);
    let (body, last) = lines.split_at_checked(end).unwrap_or_default();
    let length = |line: &str| line.chars().count().saturating_add(1);
    let mut room = last
        .iter()
        .fold(LONGEST, |room, line| room.saturating_sub(length(line)));
    let fitting = body.iter().take_while(|line| {
        let left = room.checked_sub(length(line));
        room = left.unwrap_or(0);
        left.is_some()
    });
    let mut said: Vec<&str> = fitting.copied().collect();
    let left_out = format!(
        "… и ещё строк: {}; весь вопрос — на странице «Вопросы» и по команде `provodka cases`",
        body.len().saturating_sub(said.len())
    );
    said.push(&left_out);
    said.extend(last);
    said.join("\n")
}

/// Withdraws the questions that have answered themselves.
pub(crate) fn answered(snapshot: &DealSnapshot, mut plan: Plan, codes: &[CaseCode]) -> Plan {
    plan.withdrawn.extend(
        codes
            .iter()
            .map(|code| code.as_str())
            .filter(|key| snapshot.open_cases.contains_key(*key))
            .map(str::to_owned),
    );
    plan
}

pub(crate) fn merge(plan: &mut Plan, more: Plan) {
    plan.needs.extend(more.needs);
    plan.actions.extend(more.actions);
    plan.cases.extend(more.cases);
    plan.withdrawn.extend(more.withdrawn);
    plan.because.extend(more.because);
    plan.given_up = plan.given_up.or(more.given_up);
    plan.replies.extend(more.replies);
    plan.obeyed = plan.obeyed.or(more.obeyed);
    plan.look_again = plan.look_again.take().or(more.look_again);
    plan.next_day = match (plan.next_day, more.next_day) {
        (Some(one), Some(other)) => Some(NextDay {
            at: one.at.min(other.at),
            waits_for_accounts: one.waits_for_accounts || other.waits_for_accounts,
        }),
        (one, other) => one.or(other),
    };
    plan.unknown.extend(more.unknown);
}
