//! What our own papers are made of beside the invoice itself: a portal's layout, an organisation's stamp and signatures.
//!
//! Policy names files and nothing more; who reads and proves them is the program that has a disk.

use serde::{Deserialize, Serialize};

use crate::{Policy, Seller};

/// The pictures that an organisation has on its papers; what is not named is left to the hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnPaper {
    /// Its stamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// The signature of the head, or of a sole trader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_signature: Option<String>,
    /// The signature of the chief accountant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accountant_signature: Option<String>,
}

/// The pictures of one paper, by their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pictures<'a> {
    /// The seller's stamp.
    pub stamp: Option<&'a str>,
    /// Beside the name of who signs first.
    pub head: Option<&'a str>,
    /// Beside the name of who signs second.
    pub accountant: Option<&'a str>,
}

/// A file that policy names for papers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperFile {
    /// The key that names it, with its organisation.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Whether it is a layout; else it is a picture.
    pub is_layout: bool,
}

impl OwnPaper {
    /// What is printed on a paper of this seller: only what is named, and a sole trader signs alone.
    pub fn pictures(&self, seller: &Seller) -> Pictures<'_> {
        let signs_alone = seller.party.key.who.is_person();
        Pictures {
            stamp: self.stamp.as_deref(),
            head: self.head_signature.as_deref(),
            accountant: self
                .accountant_signature
                .as_deref()
                .filter(|_| !signs_alone),
        }
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &String)> {
        [
            ("stamp", &self.stamp),
            ("head_signature", &self.head_signature),
            ("accountant_signature", &self.accountant_signature),
        ]
        .into_iter()
        .filter_map(|(key, name)| Some((key, name.as_ref()?)))
    }
}

/// Everything that a policy's papers are made of; none of it: the built-in layout, and no pictures.
pub(super) fn paper_files(policy: &Policy) -> Vec<PaperFile> {
    let layout = policy.invoice.layout.iter().map(|name| PaperFile {
        key: "invoice.layout".to_owned(),
        name: name.clone(),
        is_layout: true,
    });
    let pictures = policy.organisations.iter().flat_map(|organisation| {
        let named = organisation.paper.iter().flat_map(OwnPaper::named);
        named.map(|(key, name)| PaperFile {
            key: format!("organisations.paper.{key} of `{}`", organisation.id),
            name: name.clone(),
            is_layout: false,
        })
    });
    layout.chain(pictures).collect()
}

pub(super) fn faults(policy: &Policy) -> Vec<String> {
    paper_files(policy)
        .into_iter()
        .filter(|file| !is_inside(&file.name))
        .map(|file| {
            format!(
                "`{}`: `{}` is no file of the papers' folder: write its name, or `folder/name`",
                file.key, file.name
            )
        })
        .collect()
}

/// Whether a name stays within the folder that it is looked for in.
fn is_inside(name: &str) -> bool {
    let mut parts = name.split('/');
    !name.contains(['\\', ':']) && parts.all(|part| !["", ".", ".."].contains(&part))
}
