//! The invoice's PDF: ours, or the accounting side's print form, as the policy says.

use capability::Call;
use documents::{Exemption, InvoiceFacts, InvoicePaper, Renderer, Seller, Signer, Void};
use domain::{Party, Verdict, display};
use engine::Outcome;
use planner::{Attach, OurInvoice};

use super::writes::not_prepared;
use crate::Connected;
use crate::papers::pictures;

/// The file's name and its bytes.
pub(crate) async fn pdf(
    renderer: &Renderer,
    connected: &Connected,
    call: &Call<'_>,
    invoice: &OurInvoice,
    void: Option<Void>,
) -> Result<(String, Vec<u8>), Outcome> {
    let name = format!(
        "Счёт № {} от {}.pdf",
        invoice.number.replace(['/', '\\'], "-"),
        display::date(invoice.date)
    );
    if connected.policy.invoice.attach == Attach::Accounting
        && let Some(print) = &connected.accounting.print
    {
        let bytes = print
            .print(call, &invoice.organisation, &invoice.id)
            .await
            .map_err(|error| not_prepared(&error))?;
        return Ok((print_form(name, void.as_ref()), bytes));
    }
    let bytes = rendered(renderer, connected, invoice, void).await?;
    Ok((name, bytes))
}

/// The accounting side's own paper cannot say why it is not to be paid; its name can.
fn print_form(name: String, void: Option<&Void>) -> String {
    match void {
        Some(Void::Replaced { .. }) => format!("Не оплачивать, заменён. {name}"),
        Some(_) | None => name,
    }
}

async fn rendered(
    renderer: &Renderer,
    connected: &Connected,
    invoice: &OurInvoice,
    void: Option<Void>,
) -> Result<Vec<u8>, Outcome> {
    let reject = |error: String| Outcome::failed(Verdict::Reject, error);
    let papers = &connected.papers;
    let organisation = connected.policy.organisation(&invoice.organisation);
    let pictures = pictures(organisation, &invoice.seller);
    let signer = |name: &Option<String>, signature| Signer {
        name: name.clone().unwrap_or_default(),
        signature: papers.picture(signature),
        ..Signer::default()
    };
    let seller = Seller {
        party: invoice.seller.party.clone(),
        phone: None,
        bank: invoice.seller.bank.clone(),
        head: signer(&invoice.seller.director, pictures.head),
        accountant: signer(&invoice.seller.accountant, pictures.accountant),
        stamp: papers.picture(pictures.stamp),
        exemption: invoice.seller.exemption.clone().map(Exemption::Words),
        conditions: Vec::new(),
    };
    let buyer = Party::from(&invoice.draft.buyer);
    let paper = InvoicePaper::new(&InvoiceFacts {
        number: &invoice.number,
        date: invoice.date,
        due: invoice.draft.due,
        valid_until: invoice.draft.valid_until,
        seller: &seller,
        buyer: &buyer,
        basis: invoice.draft.basis.as_deref(),
        mode: invoice.draft.mode,
        lines: &invoice.draft.lines,
        currency: &invoice.draft.currency,
        issued: None,
        void,
    })
    .map_err(|error| reject(error.to_string()))?;
    papers
        .renderer(renderer)
        .render_invoice_aside(paper)
        .await
        .map_err(|error| reject(error.to_string()))
}
