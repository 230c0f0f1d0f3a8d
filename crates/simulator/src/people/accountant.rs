//! The accountant: edits, cancels, deletes and restores our bills, issues some by hand, closes the books for a while.

use emulator_kontur_accounting as kontur;
use jiff::Timestamp;
use serde_json::json;

use crate::habits::branches;
use crate::offices::office;
use crate::people::bank::today;
use crate::people::managers::Office;
use crate::people::papers;

impl Office {
    /// The accountant does something.
    pub(crate) fn accountant(&mut self, now: Timestamp) {
        let act = self.dice.below(100);
        // Bits that no act of the managers uses.
        let omits = |bit: u64| self.omitted >> bit & 1 == 1;
        match act {
            0..14 if omits(40) => {}
            14..28 if omits(41) => {}
            0..14 => self.issue_by_hand(now),
            14..20 => self.close_books(now, true),
            20..28 => self.close_books(now, false),
            _ => self.lay_hands_on(now, act),
        }
    }

    pub(crate) fn person(&self) -> Option<kontur::Accountant> {
        let organisations = self.accounting.organizations();
        self.accounting.accountant(*organisations.first()?)
    }

    fn lay_hands_on(&mut self, now: Timestamp, act: u64) {
        let Some(accountant) = self.person() else {
            return;
        };
        let truth = self.accounting.truth();
        let bills: Vec<kontur::Id> = truth.bills().map(|bill| bill.meta.id).collect();
        let Some(bill) = self.dice.pick(&bills) else {
            return;
        };
        let done = match act {
            0..46 => ("cancelled bill", accountant.cancel_bill(bill).err()),
            46..64 => ("deleted bill", accountant.delete_bill(bill).err()),
            64..76 => ("restored bill", accountant.restore_bill(bill).err()),
            _ => {
                let price = self.dice.between(1, 9_999).to_string();
                let changes = json!({"items": [{
                    "productName": "Исправлено", "unitName": "шт", "quantity": 1, "price": price,
                    "ndsRate": "nds22"
                }]});
                ("edited bill", accountant.edit_bill(bill, &changes).err())
            }
        };
        self.handled.push(bill);
        self.tell(now, done.0, format!("{bill}: {:?}", done.1));
    }

    /// The very bill that a deal asks for, without waiting for us and without our mark.
    fn issue_by_hand(&mut self, now: Timestamp) {
        let asked: Vec<(i64, u32)> = self
            .deals
            .iter()
            .filter_map(|(id, deal)| Some((*id, deal.versions.last()?.buyer?)))
            .filter(|(_, buyer)| !self.foreigners.contains_key(buyer))
            .filter(|(_, buyer)| branches::of_number(*buyer).is_none())
            .filter(|(_, buyer)| papers::of_number(*buyer).is_none())
            .collect();
        if let Some((deal, _)) = self.dice.pick(&asked) {
            self.bill_by_hand(now, deal);
        }
    }

    /// The bill that a deal asks for, if its buyer is known.
    pub(crate) fn bill_by_hand(&mut self, now: Timestamp, deal: i64) {
        let last = self.deals.get(&deal).and_then(|deal| deal.versions.last());
        let Some(buyer) = last.and_then(|last| last.buyer) else {
            return;
        };
        let lines = self.deals.get(&deal).and_then(|deal| deal.versions.last());
        let items: Vec<_> = lines
            .into_iter()
            .flat_map(|version| &version.lines)
            .map(|line| {
                json!({
                    "productName": line.name, "unitName": "шт", "quantity": line.quantity,
                    "price": line.price, "ndsRate": "nds22"
                })
            })
            .collect();
        let Some(accountant) = self.person() else {
            return;
        };
        let Some(contractor) = self.contractor(&accountant, buyer) else {
            return;
        };
        let bill = json!({
            "date": today(now), "withNds": true, "sumsWithNds": true,
            "contractorId": contractor, "items": items
        });
        let issued = accountant.issue_bill(&bill);
        let words = match &issued {
            Ok(bill) => format!("№ {} for deal {deal}", bill.number),
            Err(problem) => format!("for deal {deal}: {problem:?}"),
        };
        self.by_hand
            .extend(issued.ok().map(|bill| (deal, bill.meta.id)));
        self.tell(now, "issued by hand", words);
    }

    /// The buyer as the books know it, entered where they do not.
    fn contractor(&self, accountant: &kontur::Accountant, buyer: u32) -> Option<kontur::Id> {
        let inn = office::inn(buyer);
        let truth = self.accounting.truth();
        let mut contractors = truth
            .organizations
            .values()
            .flat_map(|own| &own.contractors);
        let known = contractors.find(|one| one.inn.as_deref() == Some(inn.as_str()));
        if let Some(known) = known {
            return Some(known.meta.id);
        }
        let name = office::title_in(self.place, buyer);
        let request = json!({"name": name, "inn": inn, "kpp": office::KPP});
        let made = accountant.create_contractor(&request);
        made.ok().map(|made| made.meta.id)
    }

    /// Closes the books through tomorrow, or opens them.
    pub(crate) fn close_books(&self, now: Timestamp, closed: bool) {
        let Some(accountant) = self.person() else {
            return;
        };
        let tomorrow = today(now).tomorrow().ok();
        let done = accountant.close_period(tomorrow.filter(|_| closed));
        let kind = if closed {
            "closed books"
        } else {
            "opened books"
        };
        self.tell(now, kind, format!("{:?}", done.err()));
    }
}
