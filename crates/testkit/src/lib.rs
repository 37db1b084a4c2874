//! Builds image files from fixture text; a second opinion that shares no code with oskin's readers.
