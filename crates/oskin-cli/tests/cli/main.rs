//! The program from outside: commands, crashes, real images.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod by_packages;
mod classify;
mod commands;
mod common;
mod config;
mod diff;
mod dockerfiles;
mod environment;
mod evaluate;
mod families;
mod find;
mod fleet;
mod incomplete;
mod installed;
mod judged;
mod kill;
mod layers;
mod lineage;
mod lineage_views;
mod measuring;
mod paths;
mod real_data;
mod registry;
mod registry_fleet;
mod sbom;
mod sketch;
mod subtrees;
mod words;
