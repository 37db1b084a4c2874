//! What is installed in an inventory, by the records that were found while its layers were read.

use crate::inventory::Inventory;
use crate::software::{Installed, Told};

/// The packages of an image, whose inventory was flattened from layers with what they say of software; `None` if a
/// layer was not searched for it, as those of path lists and of catalogs of older oskins were not.
pub fn installed(inventory: &Inventory) -> Option<Vec<Installed>> {
    // The last one holds what only came to be by flattening.
    let (_, layers) = inventory.layers().split_last()?;
    if layers.is_empty() || layers.iter().any(|layer| !layer.is_searched() && !layer.is_empty()) {
        return None;
    }
    let told: Vec<Told<'_>> = (0..)
        .zip(layers)
        .flat_map(|(number, layer)| {
            layer.software().iter().map(move |(index, record)| Told {
                layer: number,
                path: layer.path(*index as usize),
                record,
            })
        })
        .collect();
    Some(Installed::all(&told, inventory.software(), inventory.os_identity().as_ref()))
}
