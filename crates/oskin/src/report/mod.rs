//! Answers for people and programs: the only module with serializable types, and the pictures.
