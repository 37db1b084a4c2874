//! What exactly differs between two images, and what one image writes twice.
//!
//! Everything here is counted from inventories and declarations that are at hand: no file is read, nothing fails.

mod dive;
mod fold;
mod services;
mod settings;
mod walk;
mod waste;
mod waste_gates;

pub use dive::{Dive, DivePath};
pub use fold::{Line, Rollup, Tree, What};
pub use services::services;
pub use settings::{
    Area, SettingChange, Settings, SettingsSide, SettingsSource, UnknownSettings, declared_by,
    settings,
};
pub use walk::{Change, Class, ClassCount, Differences};
pub use waste::{ByCause, Cause, Count, Duplicate, LayerWork, Waste, WastedPath, waste};
pub use waste_gates::{Allowed, WasteGate, WasteGates, WasteVerdict};
