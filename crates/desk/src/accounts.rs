//! Which account is known through which day.

use domain::payment::AccountNumber;
use jiff::civil::Date;
use store::AccountSpan;

use crate::Desk;
use crate::policy::NoBooking;

/// One of our accounts, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// Its number.
    pub number: AccountNumber,
    /// Whose, in words.
    pub owner: String,
    /// The days that are known without a gap, the oldest first.
    pub days: Vec<(Date, Date)>,
}

impl KnownAccount {
    /// The last day that is known.
    pub fn through(&self) -> Option<Date> {
        self.days.last().map(|(_, to)| *to)
    }
}

impl Desk {
    /// The accounts that the policy names, in its order.
    ///
    /// # Errors
    /// Says why nothing is booked.
    pub async fn accounts(&self) -> Result<Vec<KnownAccount>, NoBooking> {
        let policy = self.booking_policy().await?;
        let covered = self.store.money_covered(&self.portal).await?;
        let named = policy.money.iter().flat_map(|money| &money.accounts);
        let known = named.map(|account| {
            let mut organisations = policy.organisations.iter();
            let owner = organisations.find(|one| one.id == account.organisation);
            let of_account = |span: &&AccountSpan| span.account == account.number;
            let days = covered.iter().filter(of_account);
            KnownAccount {
                number: account.number.clone(),
                owner: owner
                    .map_or_else(|| account.organisation.to_string(), |one| one.title.clone()),
                days: days.map(|span| (span.from, span.to)).collect(),
            }
        });
        Ok(known.collect())
    }
}
