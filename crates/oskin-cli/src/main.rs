//! The `oskin` program.

fn main() {}
