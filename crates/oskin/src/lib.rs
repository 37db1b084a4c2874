//! How similar are operating systems, and how are they related? See ARCHITECTURE.md for the map.

pub mod catalog;
pub mod diff;
pub mod dockerfile;
pub mod dockerfile_dir;
pub mod image;
pub mod ingest;
pub mod inventory;
pub mod lineage;
pub mod measure;
pub mod name;
pub mod oski;
pub mod path;
pub mod path_set;
pub mod placement;
pub mod relation;
pub mod report;
pub mod sketch_file;
pub mod software;
pub mod source;
pub mod view;
