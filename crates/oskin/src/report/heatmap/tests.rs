//! Tests of the heatmap.
