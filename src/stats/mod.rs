//! Statistics that know nothing about preferences.
