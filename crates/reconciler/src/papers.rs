//! What our own papers are drawn with: the layout and the pictures that a policy names, as they were read from the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use documents::{Layout, Picture, Renderer};
use planner::{Organisation, Pictures};

/// Read together with a policy, and as good as it; by default the built-in layout, and no pictures.
#[derive(Clone, Debug, Default)]
pub struct Papers {
    /// The portal's own layout.
    pub layout: Option<Arc<Layout>>,
    /// Stamps and signatures by the names that policy has for them.
    pub pictures: BTreeMap<String, Picture>,
}

impl Papers {
    /// Draws by the portal's own layout, where it has one.
    pub(crate) fn renderer(&self, renderer: &Renderer) -> Renderer {
        match &self.layout {
            Some(layout) => renderer.with(Arc::clone(layout)),
            None => renderer.clone(),
        }
    }

    /// A picture that policy names.
    pub(crate) fn picture(&self, name: Option<&str>) -> Option<Picture> {
        self.pictures.get(name?).cloned()
    }
}

/// The pictures on a paper of this seller; none where its organisation has none, or is known no more.
pub(crate) fn pictures<'a>(
    organisation: Option<&'a Organisation>,
    seller: &planner::Seller,
) -> Pictures<'a> {
    organisation
        .and_then(|organisation| organisation.paper.as_ref())
        .map(|paper| paper.pictures(seller))
        .unwrap_or_default()
}
