//! What is around the pages: who may see them, the frame with the navigation, and what happens while data is on its way.

mod bare;
mod data;
mod frame;
mod guard;
mod navigation;
mod preferences;
mod recording_notice;

pub(crate) use bare::BareFrame;
pub(crate) use data::{SendTo, loaded};
pub(crate) use guard::SignedInArea;
