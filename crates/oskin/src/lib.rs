//! How similar are operating systems, and how are they related? See ARCHITECTURE.md for the map.
