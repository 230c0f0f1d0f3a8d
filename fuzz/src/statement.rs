//! Bank statements: every byte of the file comes from outside, and so does every purpose in it.

use connector_bank_statement::{Record, Statement};
use domain::payment::PaymentKey;
use domain::purpose::Purpose;

pub(crate) fn run(bytes: &[u8]) {
    let mut statement = Statement::new(bytes);
    let mut orders = 0;
    for record in statement.by_ref() {
        match record {
            Ok(Record::Order { order, .. }) => {
                orders += 1;
                let purpose = Purpose::read(&order.purpose);
                for number in purpose
                    .references
                    .iter()
                    .filter_map(|reference| reference.number.as_ref())
                {
                    assert!(
                        order.purpose.contains(number.as_str()),
                        "a number that nobody wrote"
                    );
                }
                assert_eq!(PaymentKey::of(&order).as_str().len(), 32);
                assert!(order.amount.is_positive());
            }
            Ok(Record::Days(_)) => {}
            Ok(Record::Fault(fault)) => assert!(fault.from_line <= fault.to_line, "{fault:?}"),
            Err(_) => assert_eq!(orders, 0, "what is no statement gave payments"),
        }
    }
    let read: usize = statement.balances().turnovers().count();
    assert!(read > 0 || orders == 0, "payments on no account");
}
