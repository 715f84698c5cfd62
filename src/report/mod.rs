//! Reports: what was found, in one format a file.
