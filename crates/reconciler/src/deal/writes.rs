//! What an action of the portal is as a write: its text, its mark, its file.

use capability::portal::{PortalWrite, Written};
use capability::{Call, ConnectorError};
use documents::Void;
use domain::{DealId, Slot, Verdict};
use engine::Outcome;
use jiff::Timestamp;
use planner::{Action, OurInvoice, Whom, is_test};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::ChatMessage;

use super::act::Sent;
use super::{Looked, paper};
use crate::{Connected, Reconciler};

/// A write with the effect that it is sent under.
pub(crate) struct Cargo {
    pub(crate) sent: Sent,
    pub(crate) load: Load,
}

/// What is to be written.
pub(crate) enum Load {
    /// As it is.
    Write(PortalWrite),
    /// The file of an invoice, which has to be had first.
    File(Box<OurInvoice>, Option<Void>),
    /// Nothing: it cannot be written.
    Nothing(Outcome),
}

/// Files wait for the trailing lane, so that numbers come to all deals before the first file.
pub(crate) fn is_trailing(action: &Action) -> bool {
    matches!(action, Action::AttachPdf { .. })
}

/// What a deal's action is to be sent as, under the effect of this key.
pub(crate) fn load(connected: &Connected, deal: &Looked, key: &str, action: &Action) -> Load {
    if let Action::AttachPdf {
        slot, replaced_by, ..
    } = action
    {
        let of = |slot: &Slot| deal.snapshot.invoices.iter().find(|one| one.slot == *slot);
        let void = replaced_by.as_ref().and_then(of).map(|by| Void::Replaced {
            number: by.number.clone(),
            date: by.date,
        });
        return match of(slot) {
            Some(invoice) => {
                let is_sample = is_test(invoice, &connected.policy);
                Load::File(Box::new(invoice.clone()), void_of(is_sample, void))
            }
            None => Load::Nothing(Outcome::failed(
                Verdict::Reject,
                "the invoice is not known any more",
            )),
        };
    }
    match portal_write(connected, deal.id, key, action) {
        Some(mut write) => {
            if let PortalWrite::SetFields { compared, .. } = &mut write {
                *compared = deal.snapshot.compared();
            }
            Load::Write(write)
        }
        None => Load::Nothing(Outcome::failed(
            Verdict::Reject,
            "there is nobody to tell: no administrator's chat is set",
        )),
    }
}

/// Why nobody is to pay an invoice. What a sample was replaced by is a sample too: nobody is sent to pay that.
fn void_of(is_sample: bool, replaced: Option<Void>) -> Option<Void> {
    let sample = is_sample.then_some(Void::Sample);
    sample.or(replaced)
}

/// Writes everything in one go; the connector packs it.
pub(crate) async fn carry(
    reconciler: &Reconciler,
    connected: &Connected,
    call: &Call<'_>,
    cargo: Vec<Cargo>,
) -> Vec<(Sent, Outcome)> {
    let mut results = Vec::new();
    let (mut packed, mut writes) = (Vec::new(), Vec::new());
    for Cargo { sent, load } in cargo {
        let ready = match load {
            Load::Write(write) => Ok(write),
            Load::File(invoice, void) => {
                with_file(reconciler, connected, call, &sent, &invoice, void).await
            }
            Load::Nothing(outcome) => Err(outcome),
        };
        match ready {
            Ok(write) => {
                writes.push(write);
                packed.push(sent);
            }
            Err(outcome) => results.push((sent, outcome)),
        }
    }
    if writes.is_empty() {
        return results;
    }
    let answers = connected.portal.write.write(call, &writes).await;
    let mut answers = answers.into_iter();
    for (sent, write) in packed.into_iter().zip(&writes) {
        let outcome = match answers.next() {
            Some(Ok(done)) => Outcome::Answered(answer(write, &done)),
            Some(Err(error)) => Outcome::from(error),
            None => Outcome::missing("the connector gave no answer for it"),
        };
        results.push((sent, outcome));
    }
    results
}

/// What is kept of a write that was done.
pub(crate) fn answer(write: &PortalWrite, written: &Written) -> Value {
    let mut answer = json!({"id": written.id, "changed": written.changed});
    if let (Some(at), Value::Object(answer)) = (written.written_at, &mut answer) {
        answer.insert(WRITTEN_AT.to_owned(), json!(at));
    }
    if let (
        PortalWrite::PostToChat { dialog, .. } | PortalWrite::EditInChat { dialog, .. },
        Value::Object(answer),
    ) = (write, &mut answer)
    {
        answer.insert("dialog".to_owned(), dialog.as_str().into());
    }
    answer
}

const WRITTEN_AT: &str = "written_at";

/// The time of change that a write left its deal with.
pub(crate) fn written_at(answer: &Value) -> Option<Timestamp> {
    serde_json::from_value(answer.get(WRITTEN_AT)?.clone()).ok()
}

/// The chat message that a write left.
pub(crate) fn message_of(answer: &Value) -> Option<ChatMessage> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(ChatMessage {
        dialog: text("dialog")?,
        id: text("id")?,
    })
}

async fn with_file(
    reconciler: &Reconciler,
    connected: &Connected,
    call: &Call<'_>,
    sent: &Sent,
    invoice: &OurInvoice,
    void: Option<Void>,
) -> Result<PortalWrite, Outcome> {
    let Action::AttachPdf { entry, text, .. } = &sent.action else {
        return Err(Outcome::missing("not an action with a file"));
    };
    let (name, bytes) = paper::pdf(&reconciler.renderer, connected, call, invoice, void).await?;
    Ok(PortalWrite::AttachFile {
        deal: sent.deal,
        entry: entry.clone(),
        text: text.clone(),
        name,
        bytes,
    })
}

/// The write behind an action of the portal, as far as it needs no file.
pub(crate) fn portal_write(
    connected: &Connected,
    deal: DealId,
    key: &str,
    action: &Action,
) -> Option<PortalWrite> {
    match action {
        Action::WriteFields { fields } => Some(PortalWrite::SetFields {
            deal,
            fields: fields.clone(),
            compared: None,
        }),
        Action::AddTimelineEntry { text, .. } => Some(PortalWrite::AddTimelineEntry {
            deal,
            text: text.clone(),
            mark: short_mark(key),
        }),
        Action::MoveStage { trigger: true, .. } => Some(PortalWrite::FirePaidTrigger { deal }),
        Action::MoveStage { to, .. } => Some(PortalWrite::MoveStage {
            deal,
            stage: to.clone(),
        }),
        Action::Notify {
            whom,
            about,
            text,
            edits,
            ..
        } => match whom {
            Whom::User(user) => Some(PortalWrite::Notify {
                user: *user,
                tag: key.to_owned(),
                text: about_deal(deal, text),
            }),
            // Who that is was found out before; else there is nobody.
            Whom::HeadOf(_) => None,
            Whom::Administrator => {
                let dialog = connected.policy.dialog(about)?.to_owned();
                Some(in_chat(dialog, key, about_deal(deal, text), edits.as_ref()))
            }
        },
        Action::CreateCounterparty { .. }
        | Action::IssueInvoice { .. }
        | Action::AttachPdf { .. } => None,
    }
}

/// The mark is of this text: a former message of the same question is not taken for it when its answer was lost.
fn in_chat(dialog: String, key: &str, text: String, edits: Option<&String>) -> PortalWrite {
    match edits {
        Some(message) => PortalWrite::EditInChat {
            dialog,
            message: message.clone(),
            text,
        },
        None => PortalWrite::PostToChat {
            dialog,
            mark: short_mark(&format!("{key}/{text}")),
            text,
        },
    }
}

fn about_deal(deal: DealId, text: &str) -> String {
    format!("[URL=/crm/deal/details/{deal}/]Сделка {deal}[/URL]. {text}")
}

/// Short enough for a text that people read, long enough to be alone in it.
pub(crate) fn short_mark(key: &str) -> String {
    let mut mark = String::from("pv-");
    for byte in Sha256::digest(key.as_bytes()).iter().take(5) {
        mark.push_str(&format!("{byte:02x}"));
    }
    mark
}

/// A connector's error as an outcome, for what is prepared outside of an effect's own call.
pub(crate) fn not_prepared(error: &ConnectorError) -> Outcome {
    // Nothing was written yet: whatever failed, the write itself surely took no effect.
    match error.verdict {
        Verdict::Reject | Verdict::Reauthorize | Verdict::Retry { .. } => Outcome::from(error),
        Verdict::Verify | Verdict::Defect => {
            Outcome::failed(Verdict::Retry { after: None }, error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_another_text_is_not_taken_for_the_one_before() {
        let mark = |text: &str| {
            let write = in_chat(
                "chat1".to_owned(),
                "portal/deal/7/bell",
                text.to_owned(),
                None,
            );
            match write {
                PortalWrite::PostToChat { mark, .. } => mark,
                other => panic!("{other:?}"),
            }
        };
        let (third, seventh) = ("просрочка 3 дня", "просрочка 7 дней");
        assert_ne!(mark(third), mark(seventh));
        assert_eq!(mark(third), mark(third));
    }

    #[test]
    fn a_replaced_sample_sends_nobody_to_pay_another() {
        let replaced = || {
            Some(Void::Replaced {
                number: "ТЕСТ-2".to_owned(),
                date: jiff::civil::date(2026, 3, 12),
            })
        };
        assert_eq!(void_of(true, replaced()), Some(Void::Sample));
        assert_eq!(void_of(true, None), Some(Void::Sample));
        assert_eq!(void_of(false, replaced()), replaced());
        assert_eq!(void_of(false, None), None);
    }
}
