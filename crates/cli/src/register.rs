//! `provodka register`: the office's own invoices for the accountant: listed, given as a file, cancelled.
//!
//! Only where there is no accounting program (`accounting.kind = "office"`): otherwise the program keeps the register.
//! What a file holds is made in `rows`, how it is written in `csv` and `desk::sheet`; what was given is remembered by the
//! `store`.

mod csv;
mod file;
mod list;
mod rows;
#[cfg(test)]
mod tests;

use anyhow::Context as _;
use connector_office::Organisation;
use domain::{Counterparty, CounterpartyKey, OrganisationId};
use serde_json::json;
use store::{Cancelled, CaseFilter, GivenBill, InvoiceRef, Lane, Look, OfficeBill};

use crate::args::{BuyerArgs, CancelArgs, ExportArgs, RegisterCommand};
use crate::config::Accounting;
use crate::fault::Told;
use crate::product::Product;

const AMBIGUOUS: &str = "COUNTERPARTY-AMBIGUOUS";

/// Does what was asked; gives what is to be printed.
///
/// # Errors
/// When there is no such invoice, the file cannot be written, or the store fails.
pub async fn run(product: &Product, command: &RegisterCommand) -> anyhow::Result<String> {
    let Accounting::Office(organisations) = &product.config.accounting else {
        let told = "the accounting program keeps the register: `accounting.kind` is not `office`";
        return Err(Told::mistake(told)
            .hint("look at the invoices there")
            .into());
    };
    match command {
        RegisterCommand::List { year, json } => {
            let from = i64::from(year.unwrap_or(0));
            let bills = product.store.office_bills(product.portal(), from).await?;
            let of_year = |bill: &OfficeBill| year.is_none_or(|year| bill.year == i64::from(year));
            let bills: Vec<OfficeBill> = bills.into_iter().filter(of_year).collect();
            let asked: Vec<InvoiceRef> = bills.iter().map(list::of_ledger).collect();
            let store = &product.store;
            let balances = store.money_balances(product.portal(), &asked).await?;
            list::told(&bills, &balances, organisations, *json)
        }
        RegisterCommand::Export(args) => export(product, organisations, args).await,
        RegisterCommand::Cancel(args) => cancel(product, args).await,
        RegisterCommand::Buyer(args) => buyer(product, organisations, args).await,
    }
}

async fn export(
    product: &Product,
    organisations: &[Organisation],
    args: &ExportArgs,
) -> anyhow::Result<String> {
    let (store, portal) = (&product.store, product.portal());
    let made = |bills: &[GivenBill], number: Option<i64>| {
        rows::of_bills(bills, organisations, number, args.again.is_some())
    };
    if args.test {
        return export_tests(product, organisations, args).await;
    }
    if args.dry_run {
        let (number, bills) = match args.again {
            Some(number) => (Some(number), given_before(product, number).await?),
            None => store.office_export_preview(portal).await?,
        };
        return Ok(list::preview(&made(&bills, number)?));
    }
    let format = file::format(args);
    // Whether a file can be written there at all is found out before anything is given away.
    let place = file::Place::prepare(args.out.as_deref())?;
    if let Some(number) = args.again {
        let rows = made(&given_before(product, number).await?, Some(number))?;
        let name = format!("register-{number}-again");
        let path = place.write(&name, format, &rows, product.clock.now())?;
        return Ok(format!("{}\n", path.display()));
    }
    let Some(export) = store
        .office_export_begin(portal, product.clock.now())
        .await?
    else {
        return Ok("Нового нет: всё уже выгружено. Ещё раз: `--again N`.\n".to_owned());
    };
    let rows = made(&export.bills, Some(export.number))?;
    let name = format!("register-{}", export.number);
    let path = place.write(&name, format, &rows, product.clock.now())?;
    let now = product.clock.now();
    if !store.office_export_finish(portal, &export, now).await? {
        eprintln!(
            "another export took this one up meanwhile; its file holds everything of `{}` as well, marked as given again",
            path.display()
        );
    }
    product
        .note_person(json!({"export": export.number, "invoices": export.bills.len()}))
        .await?;
    Ok(format!("{}\n", path.display()))
}

/// The invoices of test organisations: a look at what the accountant would get. Nothing is remembered of it.
async fn export_tests(
    product: &Product,
    organisations: &[Organisation],
    args: &ExportArgs,
) -> anyhow::Result<String> {
    let bills = product.store.office_bills(product.portal(), 0).await?;
    let tests = bills.into_iter().filter(|bill| bill.test);
    let tests: Vec<GivenBill> = tests.map(|bill| GivenBill { bill, again: false }).collect();
    let rows = rows::of_bills(&tests, organisations, None, false)?;
    if args.dry_run {
        return Ok(list::preview(&rows));
    }
    if rows.is_empty() {
        return Ok("Счетов тестовых организаций нет.\n".to_owned());
    }
    let place = file::Place::prepare(args.out.as_deref())?;
    let path = place.write(
        "register-test",
        file::format(args),
        &rows,
        product.clock.now(),
    )?;
    Ok(format!("{}\n", path.display()))
}

async fn given_before(product: &Product, number: i64) -> anyhow::Result<Vec<GivenBill>> {
    let store = &product.store;
    let export = store.office_export(product.portal(), number).await?;
    let export = export.ok_or_else(|| {
        Told::mistake(format!("there was no export {number}"))
            .hint("`provodka register list` shows which invoice was in which")
    })?;
    Ok(export.bills)
}

async fn cancel(product: &Product, args: &CancelArgs) -> anyhow::Result<String> {
    if args.because.trim().is_empty() {
        let told = Told::mistake("a cancellation needs its reason");
        return Err(told.hint("write it after --because").into());
    }
    let (store, portal) = (&product.store, product.portal());
    let mut bills = store.office_bills_by_number(portal, &args.number).await?;
    bills.retain(|bill| {
        let organisation = args.organisation.as_deref();
        organisation.is_none_or(|id| bill.organisation.as_str() == id)
            && args.year.is_none_or(|year| bill.year == i64::from(year))
    });
    let bill = match bills.as_slice() {
        [bill] => bill,
        [] => {
            let told = Told::mistake(format!("there is no invoice `{}`", args.number));
            return Err(told.hint("`provodka register list` shows all").into());
        }
        several => return Err(which(&args.number, several).into()),
    };
    let cancelled = Cancelled {
        at: product.clock.now(),
        by: args.by.clone(),
        because: args.because.trim().to_owned(),
    };
    let done = store.office_cancel(portal, &bill.organisation, &bill.id, &cancelled);
    if !done.await? {
        let told = Told::mistake(format!("invoice `{}` is cancelled already", bill.number));
        return Err(told
            .hint("`provodka register list` shows by whom and why")
            .into());
    }
    eprintln!(
        "deal/{} is looked at as soon as `provodka serve` runs",
        bill.deal
    );
    Ok(format!(
        "Счёт № {} отменён; номер остаётся за ним.\n",
        bill.number
    ))
}

fn which(number: &str, several: &[OfficeBill]) -> Told {
    let named = several.iter().map(|bill| {
        format!(
            "--organisation {} --year {}: {}, {}",
            bill.organisation,
            bill.year,
            domain::display::date(bill.draft.date),
            domain::display::money(bill.totals.gross)
        )
    });
    let named: Vec<String> = named.collect();
    Told::mistake(format!("several invoices have the number `{number}`"))
        .hint(format!("say which:\n      {}", named.join("\n      ")))
}

/// Records a buyer under a KPP that the books do not know yet, as the accountant would in a program.
async fn buyer(
    product: &Product,
    organisations: &[Organisation],
    args: &BuyerArgs,
) -> anyhow::Result<String> {
    let key: CounterpartyKey = args.key.parse().map_err(|error| {
        let told = format!("`{}` is no INN/KPP: {error}", args.key);
        Told::mistake(told).hint("write for example `7707083893/770701001`")
    })?;
    if key.lacks_kpp() {
        let told = Told::mistake(format!("`{key}` is an organisation's and lacks its KPP"));
        return Err(told.hint(format!("write `{key}/KPP`")).into());
    }
    let organisation = owner(organisations, args.organisation.as_deref())?;
    let (store, portal) = (&product.store, product.portal());
    let known = store.office_counterparties(portal, organisation, std::slice::from_ref(&key.who));
    let known = known.await?;
    if known.iter().any(|one| one.key == key) {
        return Ok(format!("{key} уже есть в книгах.\n"));
    }
    let name = args.name.clone();
    let name = name.or_else(|| known.first().map(|one| one.name.clone()));
    let name = name.ok_or_else(|| {
        Told::mistake(format!("nothing is known of INN {}", key.who))
            .hint("name the buyer by --name")
    })?;
    let counterparty = Counterparty {
        key: key.clone(),
        name,
        full_name: None,
        ogrn: None,
        address: None,
    };
    let now = product.clock.now();
    store
        .office_counterparty_put(portal, organisation, &counterparty, now)
        .await?;
    product
        .note_person(json!({"buyer": key.masked(), "organisation": organisation, "by": args.by}))
        .await?;
    let waiting = look_at_waiting(product).await?;
    Ok(format!(
        "{key} записан в книги; сделок, которые ждали контрагента: {waiting}.\n"
    ))
}

/// The organisation that a person means.
fn owner<'a>(
    organisations: &'a [Organisation],
    named: Option<&str>,
) -> anyhow::Result<&'a OrganisationId> {
    let ids = || {
        let ids: Vec<&str> = organisations.iter().map(|one| one.id.as_str()).collect();
        ids.join(", ")
    };
    match (named, organisations) {
        (None, [only]) => Ok(&only.id),
        (None, _) => Err(Told::mistake("there are several organisations")
            .hint(format!("name one by --organisation: {}", ids()))
            .into()),
        (Some(named), _) => {
            let found = organisations.iter().find(|one| one.id.as_str() == named);
            let found = found.with_context(|| {
                Told::mistake(format!("there is no organisation `{named}`"))
                    .hint(format!("there are: {}", ids()))
            })?;
            Ok(&found.id)
        }
    }
}

/// Deals that asked about their buyer are looked at again.
async fn look_at_waiting(product: &Product) -> anyhow::Result<usize> {
    let filter = CaseFilter {
        code: Some(AMBIGUOUS.to_owned()),
        ..CaseFilter::default()
    };
    let cases = product.store.cases_open(product.portal(), &filter).await?;
    let looks: Vec<Look> = cases
        .into_iter()
        .map(|case| Look {
            subject: case.facts.subject,
            lane: Lane::Click,
            due_at: product.clock.now(),
            reason: "person recorded a buyer".to_owned(),
        })
        .collect();
    product.store.look(product.portal(), &looks).await?;
    Ok(looks.len())
}
