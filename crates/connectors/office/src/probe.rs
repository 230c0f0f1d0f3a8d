//! What `check` sees of the books: the organisations of the configuration, and the number that each gives next.

use async_trait::async_trait;
use capability::accounting::{OwnOrganisation, ProbeAccounting};
use capability::portal::Finding;
use capability::{Call, ConnectorError};
use jiff::tz::TimeZone;

use crate::{Office, Organisation};

/// The page that tells what to do when our own database does not answer.
const CODE: &str = "DATABASE-UNUSABLE";

#[async_trait]
impl ProbeAccounting for Office {
    async fn probe(&self, call: &Call<'_>) -> Vec<Finding> {
        let mut findings = vec![Finding {
            what: "Свой учёт".to_owned(),
            holds: true,
            advice: "номера счетов даём мы, счёт — наш PDF; бухгалтеру: `provodka register export`"
                .to_owned(),
            code: None,
        }];
        for organisation in &self.organisations {
            findings.push(self.next_number(call, organisation).await);
        }
        findings
    }

    /// Our own books answer at once.
    async fn impatience(&self, _: &Call<'_>) -> Result<Option<Finding>, ConnectorError> {
        Ok(None)
    }

    async fn organisations(&self, _: &Call<'_>) -> Result<Vec<OwnOrganisation>, ConnectorError> {
        let own = self
            .organisations
            .iter()
            .map(|organisation| OwnOrganisation {
                id: organisation.id.clone(),
                name: organisation.name.clone(),
                inn: Some(organisation.inn.to_string()),
                kpp: organisation.kpp.as_ref().map(ToString::to_string),
                test: organisation.test,
            });
        Ok(own.collect())
    }
}

impl Office {
    async fn next_number(&self, call: &Call<'_>, organisation: &Organisation) -> Finding {
        let kind = if organisation.test {
            "номера тестовых счетов"
        } else {
            "номера счетов"
        };
        let what = format!("{}: {kind}", organisation.name);
        // Which day it is where the organisation sits is the policy's; around the new year this may say the old year.
        let year = (self.now)().to_zoned(TimeZone::UTC).year();
        let next = self
            .books
            .next_number(call.portal(), &organisation.id, year)
            .await;
        match next {
            Ok(next) => {
                let first = organisation.first_of(year);
                let number = next.unwrap_or(first).max(first);
                let prefix = organisation.prefix_of(year);
                Finding {
                    what,
                    holds: true,
                    advice: format!("следующий в {year} году — {prefix}{number}"),
                    code: None,
                }
            }
            Err(failed) => Finding {
                what,
                holds: false,
                advice: failed.message,
                code: Some(CODE.to_owned()),
            },
        }
    }
}
