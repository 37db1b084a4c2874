//! `corpus`: makes catalogs of images with known parents, and tells what is in them.

fn main() {}
