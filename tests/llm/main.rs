//! Asking models over real sockets: the wire formats, faults, kills, budgets and secrets.

mod batch;
mod kill;
mod live;
mod overhead;
mod secrets;
mod server;
mod storm;
mod wire;
