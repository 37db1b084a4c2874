//! What is installed in an inventory, by the records that were found while its layers were read.

use crate::image::Packages;
use crate::inventory::Inventory;
use crate::software::{Installed, Told};

/// The packages of an image, whose inventory was flattened from layers with what they say of software; `None` if a
/// layer was not searched for it, as those of path lists and of catalogs of older oskins were not.
pub fn installed(inventory: &Inventory) -> Option<Vec<Installed>> {
    if !is_searched(inventory) {
        return None;
    }
    // The last one holds what only came to be by flattening.
    let (_, layers) = inventory.layers().split_last()?;
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

/// The list of those packages alone, which costs less.
pub(super) fn packages(inventory: &Inventory) -> Option<Packages> {
    let os = inventory.os_identity();
    is_searched(inventory).then(|| Installed::packages(inventory.software(), os.as_ref()))
}

/// Whether all layers were searched for software, of which there is one at least.
fn is_searched(inventory: &Inventory) -> bool {
    inventory.layers().split_last().is_some_and(|(_, layers)| {
        !layers.is_empty() && layers.iter().all(|layer| layer.is_searched() || layer.is_empty())
    })
}
