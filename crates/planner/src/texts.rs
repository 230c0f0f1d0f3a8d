//! What the planner says to people, in Russian.

use domain::observed::{Owner, SmartInvoice};
use domain::{
    AccountError, AmountError, BikError, Counterparty, Deal, DealId, InnError, InvoiceDraft,
    InvoiceStatus, KppError, Money, SlotKind, UserId, Who, display,
};

use crate::notices::Entry;
use crate::vat::Ended;
use crate::{Choice, Fault, Organisation, OurInvoice, sums};

/// The portal's path to a company's or contact's card.
pub(crate) fn owner_path(owner: &Owner) -> String {
    match owner {
        Owner::Company(id) => format!("/crm/company/details/{id}/"),
        Owner::Contact(id) => format!("/crm/contact/details/{id}/"),
    }
}

/// What the administrator is asked about a buyer that is not seen.
pub(crate) fn buyer_hidden(owner: &Owner) -> String {
    let path = owner_path(owner);
    let who = match owner {
        Owner::Company(id) => format!("[URL={path}]компания {id}[/URL] не видна"),
        Owner::Contact(id) => format!("[URL={path}]контакт {id}[/URL] не виден"),
    };
    format!(
        "Счёт не выставлен: покупатель сделки, {who} техническому пользователю. Дайте ему право читать все компании и \
         контакты с их реквизитами."
    )
}

/// The same about our own company that sells.
pub(crate) fn seller_hidden(organisation: &Organisation) -> String {
    let (title, company) = (organisation.title.trim(), organisation.own_company);
    format!(
        "Счёт не выставлен: наша организация «{title}», [URL=/crm/company/details/{company}/]компания {company}[/URL], \
         не видна техническому пользователю или не числится среди своих. Дайте ему право её читать или назовите в правилах \
         (organisations.own_company) ту, что есть в реквизитах своих компаний."
    )
}

/// The state of an invoice as the deal's field shows it.
pub fn status_label(status: InvoiceStatus) -> &'static str {
    status.label()
}

pub(crate) const DELETED_LABEL: &str = "Удалён в учёте";
pub(crate) const OVERPAID_LABEL: &str = "Переплачен";
pub(crate) const OVERDUE_LABEL: &str = "Просрочен";

/// Whether a word is one of those that we write as the state of an invoice.
pub(crate) fn is_state(word: &str) -> bool {
    let of_accounting = [
        InvoiceStatus::Issued,
        InvoiceStatus::PartiallyPaid,
        InvoiceStatus::Paid,
        InvoiceStatus::Cancelled,
        InvoiceStatus::Unknown,
    ];
    let own = [
        DELETED_LABEL,
        OVERPAID_LABEL,
        OVERDUE_LABEL,
        WAITS_FOR_ACCOUNTANT,
    ];
    own.contains(&word) || of_accounting.map(status_label).contains(&word)
}

/// The timeline entry of an issued invoice; what the CRM rounded otherwise is said.
pub(crate) fn issued(
    invoice: &OurInvoice,
    is_test: bool,
    deal: &Deal,
    before: Option<&OurInvoice>,
) -> String {
    let instead = before.map(|before| format!(", взамен счёта № {}", before.number));
    let said = format!(
        "{} счёт № {} от {} {} {}{}",
        if is_test {
            "Образец, не оплачивать: выставлен тестовый"
        } else {
            "Выставлен"
        },
        invoice.number,
        display::date(invoice.date),
        on(invoice.slot.kind),
        display::money(invoice.total),
        instead.unwrap_or_default()
    );
    let differs = deal.amount != invoice.total && invoice.slot.kind == SlotKind::Whole;
    if differs && sums::is_rounding(deal, invoice.total, &invoice.draft.lines) {
        let amount = display::money(deal.amount);
        return format!("{said}. В сделке {amount}: CRM округлила иначе, верны строки");
    }
    said
}

/// The timeline entry of an invoice that was there before us.
pub(crate) fn adopted(invoice: &OurInvoice, is_test: bool) -> String {
    format!(
        "{} счёт № {} от {} {} {}",
        if is_test {
            "Образец, не оплачивать: к сделке привязан выставленный раньше тестовый"
        } else {
            "К сделке привязан выставленный раньше"
        },
        invoice.number,
        display::date(invoice.date),
        on(invoice.slot.kind),
        display::money(invoice.total)
    )
}

/// Why an invoice of this kind is issued.
pub(crate) fn wanted(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Whole => "сделка вошла в стадию счёта, счёта ещё нет",
        SlotKind::Advance => "нужен счёт на аванс, его ещё нет",
        SlotKind::Rest => "нужен счёт на остаток после аванса",
        SlotKind::Additional => "нужен счёт на то, что добавлено в сделку",
    }
}

/// What would be issued where deals are only watched; none where the lines come to no sum.
pub(crate) fn foretold(
    kind: SlotKind,
    draft: &InvoiceDraft,
    seller: &str,
    is_new: bool,
) -> Option<String> {
    let totals = draft.totals().ok()?;
    let number = draft.number.as_ref();
    let number = number.map_or(String::new(), |number| {
        format!(" № {}", by_strangers(number))
    });
    let vat = if totals.vat == Money::ZERO {
        String::new()
    } else {
        format!(", в том числе НДС {}", display::money(totals.vat))
    };
    let buyer = party(&draft.buyer);
    let new = if is_new {
        " Покупателя в учёте нет: сначала он был бы заведён."
    } else {
        ""
    };
    Some(format!(
        "Воронка под наблюдением, счёт не выставлен. Был бы выставлен счёт{number} {} {}{vat}; строк: {}. \
         Продавец: {seller}. Покупатель: {buyer}.{new}",
        on(kind),
        display::money(totals.gross),
        draft.lines.len(),
    ))
}

/// What part of the deal an invoice of this kind bills, before its sum.
fn on(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Whole => "на сумму",
        SlotKind::Advance => "на аванс",
        SlotKind::Rest => "на остаток",
        SlotKind::Additional => "на добавленное в сделку, сумма",
    }
}

/// `счёт на аванс № 17 от 12.03.2026`.
fn named(invoice: &OurInvoice) -> String {
    let kind = match invoice.slot.kind {
        SlotKind::Whole => "счёт на всю сумму",
        SlotKind::Advance => "счёт на аванс",
        SlotKind::Rest => "счёт на остаток",
        SlotKind::Additional => "дополнительный счёт",
    };
    let date = display::date(invoice.date);
    format!("{kind} № {} от {date}", invoice.number)
}

/// What is answered to an order for what stands already.
pub(crate) fn issued_before(invoice: &OurInvoice) -> String {
    format!(
        "Счёт не выставлен: уже есть {}. Заменить его можно командой «перевыставить».",
        named(invoice)
    )
}

/// What is answered to an order to leave an invoice as it is.
pub(crate) fn left(invoice: &OurInvoice) -> String {
    format!(
        "Счёт № {} оставлен как есть, хотя сделка после него изменена.",
        invoice.number
    )
}

pub(crate) const NOTHING_TO_LEAVE: &str = "Оставлять нечего: вопроса об изменённой сделке нет.";

/// Why the whole is not billed beside its parts.
pub(crate) fn no_whole_after(part: &OurInvoice) -> String {
    let instead = match part.slot.kind {
        SlotKind::Advance => "остаток",
        SlotKind::Whole | SlotKind::Rest | SlotKind::Additional => "дополнительный",
    };
    format!(
        "Счёт на всю сумму не выставлен: уже есть {}. Выберите «{instead}».",
        named(part)
    )
}

/// Why there is no advance any more.
pub(crate) fn no_advance_after(before: &OurInvoice) -> String {
    format!(
        "Счёт на аванс не выставлен: уже есть {}. Заменить его можно командой «перевыставить».",
        named(before)
    )
}

/// Why there is no rest any more.
pub(crate) fn no_rest_after(before: &OurInvoice) -> String {
    format!("Счёт на остаток не выставлен: уже есть {}.", named(before))
}

pub(crate) const NO_REST_BEFORE_ADVANCE: &str =
    "Счёт на остаток не выставлен: счёта на аванс в сделке нет. Сначала выберите «аванс».";

/// Why there is nothing additional before the rest.
pub(crate) fn added_goes_into_the_rest(advance: &OurInvoice) -> String {
    format!(
        "Дополнительный счёт не выставлен: есть {}, и всё добавленное войдёт в счёт на остаток. Выберите «остаток».",
        named(advance)
    )
}

pub(crate) const NOTHING_TO_ADD_TO: &str =
    "Дополнительный счёт не выставлен: счёта, к которому он добавлялся бы, в сделке нет.";

/// What is asked of a deal that has invoices of the portal's own.
pub(crate) fn has_smart_invoices(live: &[&SmartInvoice], in_the_way: Option<&str>) -> String {
    let links: Vec<String> = live
        .iter()
        .map(|one| {
            let (id, number) = (one.id, &one.number);
            format!("[URL=/crm/type/31/details/{id}/]№ {number}[/URL]")
        })
        .collect();
    let in_the_way = in_the_way.map(|why| format!(" Номер не взят: {why}."));
    format!(
        "К сделке привязан счёт самого Битрикс24: {}.{} Возможно, он уже у покупателя, поэтому наш счёт не выставлен. Если тот не \
         нужен, удалите его или переведите в «Не оплачен»; иначе выберите:",
        links.join(", "),
        in_the_way.unwrap_or_default()
    )
}

/// One message about several deals, of which the same is asked; `more` of them it has no room for. What all their texts
/// end with is said once.
pub(crate) fn listed(text: &str, others: &[&Entry], more: usize) -> String {
    if others.is_empty() && more == 0 {
        return text.to_owned();
    }
    let own: Vec<&str> = text.lines().collect();
    let of_others: Vec<Vec<&str>> = others
        .iter()
        .map(|one| one.text.lines().collect())
        .collect();
    let same_end = |lines: &Vec<&str>| {
        let pairs = lines.iter().rev().zip(own.iter().rev());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let same = of_others.iter().map(same_end).min().unwrap_or(own.len());
    let apart = |lines: &[&str]| {
        let apart = lines.len().saturating_sub(same);
        let lines: Vec<&str> = lines.iter().take(apart).copied().collect();
        lines.join("\n")
    };
    let mut said = apart(&own);
    let is_all_the_same = of_others.iter().all(|lines| apart(lines).is_empty());
    let link = |deal: DealId, name: String| format!("[URL=/crm/deal/details/{deal}/]{name}[/URL]");
    let more = match more {
        0 => String::new(),
        more => format!(
            " и ещё {more}; все вопросы — на странице «Вопросы» и по команде `provodka cases`"
        ),
    };
    if is_all_the_same {
        let links = others
            .iter()
            .map(|one| link(one.deal, one.deal.to_string()));
        let links: Vec<String> = links.collect();
        return format!("{text}\nТо же в сделках: {}{more}.", links.join(", "));
    }
    for (one, lines) in others.iter().zip(&of_others) {
        let name = link(one.deal, format!("Сделка {}", one.deal));
        said.push_str(&format!("\n{name}. {}", apart(lines)));
    }
    if !more.is_empty() {
        said.push_str(&format!("\nТо же{more}."));
    }
    let end = own.iter().skip(own.len().saturating_sub(same));
    for line in end {
        said.push_str(&format!("\n{line}"));
    }
    said
}

/// A message that was meant for a manager who works there no more.
pub(crate) fn instead_of_dismissed(text: &str) -> String {
    format!("Ответственный за сделку уволен, поэтому пишем вам.\n{text}")
}

/// A message that was meant for a head whom the portal does not name.
pub(crate) fn instead_of_head(text: &str) -> String {
    format!("Портал не сообщает, кто руководитель ответственного, поэтому пишем вам.\n{text}")
}

/// The answer to an order where nothing is done.
pub(crate) const FUNNEL_IS_OFF: &str = "Команда не выполнена: воронка этой сделки не подключена к программе. Подключает её администратор.";

/// The answer to an order for which there is no invoice yet.
pub(crate) const NO_INVOICE_YET: &str = "Команда не выполнена: счёта в сделке ещё не было.";

/// An invoice of this kind at the beginning of a sentence.
fn of_kind(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Whole => "Счёт",
        SlotKind::Advance => "Счёт на аванс",
        SlotKind::Rest => "Счёт на остаток",
        SlotKind::Additional => "Дополнительный счёт",
    }
}

/// Why a part that was ordered was not billed.
pub(crate) fn not_issued(kind: SlotKind, lacks: &[String]) -> String {
    format!(
        "{} не выставлен:\n• {}\nКогда исправите, дайте команду ещё раз.",
        of_kind(kind),
        lacks.join("\n• ")
    )
}

/// Why nothing is billed where a person decided for an invoice of the portal's own.
pub(crate) fn left_to_smart_invoice(kind: SlotKind) -> String {
    format!(
        "{} не выставлен: решено, что у сделки остаётся счёт самого Битрикс24. Если он не нужен, удалите его или переведите в \
         «Не оплачен» и дайте команду ещё раз.",
        of_kind(kind)
    )
}

/// What is missing, one line each, with a link to where it is mended.
pub(crate) fn missing(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("• {} — [URL={}]исправить[/URL]", fault.what, fault.place))
        .collect();
    format!(
        "Счёт не выставлен. Что нужно сделать:\n{}\nПосле исправления счёт будет выставлен сам.",
        lines.join("\n")
    )
}

/// The state of a deal whose buyer the accountant is asked about.
pub(crate) const WAITS_FOR_ACCOUNTANT: &str = "Ждёт бухгалтера: новый покупатель";

/// A buyer that the accounting side does not know.
pub(crate) fn new_buyer(buyer: &Counterparty) -> String {
    format!(
        "Счёт ждёт: покупателя {} в учёте нет. Заведите его в учёте, и счёт будет выставлен сам, или выберите:",
        party(buyer)
    )
}

/// A buyer for people: who has no INN is known by the name, and by the record of the portal that can be opened.
fn party(buyer: &Counterparty) -> String {
    let name = by_strangers(&buyer.name);
    let known = display::known_by(&buyer.key);
    match buyer.key.who {
        Who::Inn(_) => format!("{name} ({known})"),
        Who::Contact(id) => format!("{name} ([URL=/crm/contact/details/{id}/]{known}[/URL])"),
        Who::Company(id) => format!("{name} ([URL=/crm/company/details/{id}/]{known}[/URL])"),
    }
}

/// What anybody can write who pays a kopeck: without the brackets of BB codes, by which the portal would show a link or a
/// picture as if it were ours, and on one line.
pub fn by_strangers(text: &str) -> String {
    let plain = |c: char| match c {
        '[' => '(',
        ']' => ')',
        c if c.is_control() => ' ',
        c => c,
    };
    text.trim().chars().map(plain).collect()
}

/// A question and what may be answered to it.
pub(crate) fn with_choices(question: &str, choices: &[Choice]) -> String {
    let lines: Vec<String> = choices
        .iter()
        .map(|choice| format!("• {} ({})", choice.text, choice.word))
        .collect();
    format!("{question}\n{}", lines.join("\n"))
}

pub(crate) fn changed(
    invoice: &OurInvoice,
    differences: &[String],
    lacks: &[String],
    choices: &[Choice],
) -> String {
    // What differs because it is missing is said once.
    let lacks: Vec<&str> = lacks
        .iter()
        .filter(|lack| !differences.contains(lack))
        .map(String::as_str)
        .collect();
    let first = if lacks.is_empty() {
        String::new()
    } else {
        format!(
            "\nПеревыставить можно, когда будет исправлено:\n• {}",
            lacks.join("\n• ")
        )
    };
    let question = format!(
        "Сделка изменена после счёта № {}. Счёт не перевыставлен. Различия:\n• {}{first}\n\
         Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:",
        invoice.number,
        differences.join("\n• ")
    );
    with_choices(&question, choices)
}

/// Why an order was not carried out.
pub(crate) fn not_replaced(invoice: &OurInvoice, lacks: &[String]) -> String {
    format!(
        "Счёт № {} не перевыставлен. Что нужно исправить:\n• {}\nПотом дайте команду ещё раз.",
        invoice.number,
        lacks.join("\n• ")
    )
}

/// An open invoice whose rate is over.
pub(crate) fn rate_ended(invoice: &OurInvoice, ended: Ended) -> String {
    let why = match ended {
        Ended::ByLaw(rate) => format!("ставка НДС {} больше не действует", rate.label()),
        Ended::ByRegime(rate, regime) => format!(
            "«{}» в его строках организации больше не подходит (теперь {})",
            rate.label(),
            regime.label()
        ),
    };
    format!(
        "Счёт № {} от {} на {} не оплачен, а {why}. Если отгрузка будет по новой ставке, исправьте ставку в строках \
         сделки и напишите «перевыставить» в поле «Счёт: что сделать». Иначе:",
        invoice.number,
        display::date(invoice.date),
        display::money(invoice.total),
    )
}

/// The timeline entry of an invoice that was replaced.
pub(crate) fn replaced(
    invoice: &OurInvoice,
    is_test: bool,
    by: &OurInvoice,
    deal: &Deal,
) -> String {
    format!(
        "{}. Заменён счётом № {} от {}: по этому платить не нужно",
        issued(invoice, is_test, deal, None),
        by.number,
        display::date(by.date)
    )
}

/// What the accountant is asked for by an order in the deal.
pub(crate) fn to_be_cancelled(invoice: &OurInvoice) -> String {
    format!(
        "В сделке дана команда «отменить»: {} на {}. Отмените его в учёте, и вопрос снимется сам, или выберите:",
        named(invoice),
        display::money(invoice.total)
    )
}

/// The answer to an order to cancel.
pub(crate) fn cancel_asked(invoice: &OurInvoice) -> String {
    format!("Бухгалтеру передана просьба отменить {}.", named(invoice))
}

/// The answer to one that is given again.
pub(crate) fn cancel_asked_before(invoice: &OurInvoice) -> String {
    format!(
        "Бухгалтера уже просили отменить {}, он ещё не ответил.",
        named(invoice)
    )
}

/// Why an order to cancel was not handed on.
pub(crate) fn cancelled_before(invoice: &OurInvoice) -> String {
    format!(
        "Отменять нечего: {} уже отменён или удалён в учёте.",
        named(invoice)
    )
}

pub(crate) fn not_cancelled_by_order(invoice: &OurInvoice) -> String {
    format!(
        "{} не отменён: по правилам портала счета отменяет только бухгалтер. Договоритесь с ним.",
        at_the_beginning(&named(invoice))
    )
}

/// The order is by somebody else than policy names.
pub(crate) fn not_cancelled_for(
    invoice: &OurInvoice,
    by: Option<UserId>,
    people: &[UserId],
) -> String {
    let people: Vec<String> = people.iter().map(UserId::to_string).collect();
    let by = by.map_or_else(
        || {
            "неизвестно кто: возможно, сама программа, уже после команды. Дайте команду ещё раз, если вы из них; иначе \
             обратитесь"
                .to_owned()
        },
        |by| format!("сотрудник {by}. Обратитесь"),
    );
    format!(
        "{} не отменён: по правилам портала просить об этом могут сотрудники с номерами {}, а сделку последним менял {by} к ним \
         или к бухгалтеру.",
        at_the_beginning(&named(invoice)),
        people.join(", ")
    )
}

pub(crate) fn not_cancelled_after_payment(invoice: &OurInvoice) -> String {
    format!(
        "{} не отменён: по нему есть оплата, или его состояние неизвестно. Договоритесь с бухгалтером.",
        at_the_beginning(&named(invoice))
    )
}

pub(crate) fn not_cancelled_but_left(invoice: &OurInvoice) -> String {
    format!(
        "{} не отменён: бухгалтер решил его оставить.",
        at_the_beginning(&named(invoice))
    )
}

fn at_the_beginning(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// The answer to an order that comes too late.
pub(crate) fn not_after_payment(invoice: &OurInvoice) -> String {
    format!(
        "Счёт № {} не перевыставлен: по нему уже есть оплата. Договоритесь с бухгалтером.",
        invoice.number
    )
}

/// What is other than it was issued.
pub(crate) fn edited(invoice: &OurInvoice) -> Option<String> {
    let number = &invoice.number;
    let buyer = invoice.billed_to_another().map(|billed| {
        format!(
            "Покупатель счёта № {number} в учёте не тот, что в сделке: {} вместо {}. Проверьте карточку контрагента и счёт в \
             учёте; до этого не отдавайте счёт покупателю.",
            display::known_by(billed),
            display::known_by(&invoice.draft.buyer.key)
        )
    });
    let (is, was) = (invoice.total, invoice.issued_total());
    let sum = (is != was).then(|| {
        format!(
            "Сумма счёта № {number} в учёте не та, что по сделке: {} вместо {}. В сделке показано то, что в учёте.",
            display::money(is),
            display::money(was)
        )
    });
    match (buyer, sum) {
        (Some(buyer), Some(sum)) => Some(format!("{buyer} {sum}")),
        (one, other) => one.or(other),
    }
}

pub(crate) fn cancelled(invoice: &OurInvoice) -> String {
    format!(
        "Счёт № {} отменён в учёте. Новый счёт сам не выставляется.",
        invoice.number
    )
}

pub(crate) fn deleted(invoice: &OurInvoice) -> String {
    format!(
        "Счёт № {} от {} удалён в учёте вручную. Новый счёт сам не выставляется.",
        invoice.number,
        display::date(invoice.date)
    )
}

pub(crate) fn deal_deleted(invoice: &OurInvoice) -> String {
    format!(
        "Сделка удалена, а её счёт № {} от {} на {} остался в учёте. Решите, отменить ли его.",
        invoice.number,
        display::date(invoice.date),
        display::money(invoice.total)
    )
}

/// Why a value is refused.
pub(crate) trait InRussian {
    /// The reason, to follow a colon.
    fn in_russian(&self) -> String;
}

impl InRussian for InnError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::NotDigit { position } => format!("знак {position} — не цифра"),
            Self::Length { found } => format!("нужно 10 или 12 цифр, указано {found}"),
            Self::AllZero => "одни нули".to_owned(),
            Self::CheckDigit { .. } => {
                "контрольная цифра не сходится, проверьте опечатку".to_owned()
            }
        }
    }
}

impl InRussian for KppError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::Length { found } => format!("нужно 9 знаков, указано {found}"),
            Self::Character { position } => format!("знак {position} здесь недопустим"),
            Self::AllZero => "одни нули".to_owned(),
        }
    }
}

impl InRussian for BikError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::NotDigit { position } => format!("знак {position} — не цифра"),
            Self::Length { found } => format!("нужно 9 цифр, указано {found}"),
            Self::AllZero => "одни нули".to_owned(),
        }
    }
}

impl InRussian for AccountError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::Length { found } => format!("нужно 20 знаков, указано {found}"),
            Self::Character { position } => format!("знак {position} здесь недопустим"),
            Self::AllZero => "одни нули".to_owned(),
            Self::Correspondent => "указан корреспондентский счёт банка".to_owned(),
            Self::NotCorrespondent => "начинается не с 30101".to_owned(),
            Self::Tail => "последние три цифры не те, что у БИК".to_owned(),
            Self::Key => "ключ не сходится: ошибка в счёте или в БИК".to_owned(),
        }
    }
}

impl InRussian for AmountError {
    fn in_russian(&self) -> String {
        match self {
            Self::TooPrecise { line } => {
                format!("строка {line}: слишком много знаков в количестве или цене")
            }
            Self::TooLarge { line } => format!("строка {line}: сумма слишком велика"),
            Self::Discount { line } => {
                format!("строка {line}: скидка меньше нуля или больше цены")
            }
            Self::TotalTooLarge => "сумма строк слишком велика".to_owned(),
        }
    }
}
