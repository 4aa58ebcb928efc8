//! Promises of the transport, kept on real sockets and with real TLS.
//!
//! `bed` is the server and the ways to it; the other files are the promises, by theme.

mod bed;
mod coding;
mod connecting;
mod failing;
mod framing;
mod saying;
mod socks;
mod trust;

use super::{Exchange, Failure};

/// The body of an answer that must be there.
fn page(exchange: &Exchange) -> &[u8] {
    match &exchange.result {
        Ok(answer) => &answer.body,
        Err(failure) => panic!("{failure}"),
    }
}

/// The failure of an exchange that must fail.
fn failure(exchange: &Exchange) -> &Failure {
    exchange.result.as_ref().expect_err("no failure")
}
