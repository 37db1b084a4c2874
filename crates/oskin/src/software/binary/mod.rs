//! Facts of the build in programs: which modules of Go and which crates of Rust they were made of.
