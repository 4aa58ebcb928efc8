//! SOCKS5: asks a proxy for a connection to a site.
//!
//! In: a connection to the proxy. Out: the same connection, its next byte the site's; or whose refusal it was. Names are
//! never looked up here: the proxy gets them as they are, and addresses as addresses.

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error, TargetAddr};

use super::failure::{Failure, SocksReply};
use super::leg::Site;
use crate::proxy::Credentials;

/// Names, users and passwords have one byte for their length; users and passwords may not be empty (RFC 1929).
const LONGEST: usize = 255;

/// Can these credentials be told to a SOCKS5 proxy?
pub(super) fn check(credentials: &Credentials) -> Result<(), Failure> {
    let fits = |text: &str| (1..=LONGEST).contains(&text.len());
    if fits(credentials.user.reveal()) && fits(credentials.password.reveal()) {
        Ok(())
    } else {
        Err(Failure::ClientUnusable(format!("SOCKS5 takes a user and a password of 1 to {LONGEST} bytes")))
    }
}

/// Has the proxy at the other end of `line` connect to `site`.
pub(super) async fn open<L>(line: L, site: &Site, credentials: Option<&Credentials>) -> Result<L, Failure>
where
    L: AsyncRead + AsyncWrite + Unpin,
{
    let target = target(site)?;
    let opened = match credentials {
        None => Socks5Stream::connect_with_socket(line, target).await,
        Some(Credentials { user, password }) => {
            Socks5Stream::connect_with_password_and_socket(line, target, user.reveal(), password.reveal()).await
        }
    };
    opened.map(Socks5Stream::into_inner).map_err(failure_of)
}

fn target(site: &Site) -> Result<TargetAddr<'_>, Failure> {
    let name = site.bare_host();
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(TargetAddr::Ip((address, site.port).into())),
        Err(_) if name.len() > LONGEST => {
            Err(Failure::Unsendable(format!("SOCKS5 takes names of at most {LONGEST} bytes")))
        }
        Err(_) => Ok(TargetAddr::Domain(name.into(), site.port)),
    }
}

fn failure_of(error: Error) -> Failure {
    let refused = Failure::SocksRefused;
    match error {
        Error::GeneralSocksServerFailure => refused(SocksReply::GeneralFailure),
        Error::ConnectionNotAllowedByRuleset => refused(SocksReply::NotAllowed),
        Error::NetworkUnreachable => refused(SocksReply::NetworkUnreachable),
        Error::HostUnreachable => refused(SocksReply::HostUnreachable),
        Error::ConnectionRefused => refused(SocksReply::ConnectionRefused),
        Error::TtlExpired => refused(SocksReply::TtlExpired),
        Error::AddressTypeNotSupported => refused(SocksReply::AddressKind),
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired | Error::PasswordAuthFailure(_) => {
            Failure::ProxyAuth
        }
        Error::InvalidTargetAddress(words) => Failure::Unsendable(format!("SOCKS5 cannot name the site: {words}")),
        Error::InvalidAuthValues(words) => Failure::ClientUnusable(words.into()),
        // Whatever else it says, and its closing, is no SOCKS5.
        Error::Io(_)
        | Error::ParseError(_)
        | Error::ProxyServerUnreachable
        | Error::InvalidResponseVersion
        | Error::UnknownAuthMethod
        | Error::CommandNotSupported
        | Error::UnknownError
        | Error::InvalidReservedByte
        | Error::UnknownAddressType
        | Error::IdentdAuthFailure
        | Error::InvalidUserIdAuthFailure => Failure::ProxyHandshake(error.to_string().to_lowercase()),
    }
}
