//! People: who works with the product in whatever office, what they do, and what they remember of it for the
//! checks.
//!
//! Managers, the accountant and the administrator; whoever takes bills over, whoever calls orders; the bank with
//! its orders and its files, the clerk, the closer and the cashier. `remembered` and `papers` are what people know
//! of deals, buyers and requisites.
//!
//! Not here: what people do only in some offices (`habits`), who does us harm or knocks at our door (`troubles`).

pub(crate) mod accountant;
pub(crate) mod administrator;
pub(crate) mod adopter;
pub(crate) mod bank;
pub(crate) mod calls;
pub(crate) mod cashier;
pub(crate) mod clerk;
pub(crate) mod closer;
pub(crate) mod files;
pub(crate) mod managers;
pub(crate) mod own_money;
pub(crate) mod papers;
pub(crate) mod presses;
pub(crate) mod register;
pub(crate) mod remembered;
