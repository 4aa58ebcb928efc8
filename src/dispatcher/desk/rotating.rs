//! Rotating lines (`proxies.rotating`): behind one proxy stands another address for each connection.
//!
//! In comes the proxy of a fetch; out goes who is to be heard as its witness. What the address did wrong is not the line's fault,
//! so the witness is nobody that could be charged, banned or asked again; how much its word weighs is the line's record.

use super::Desk;
use crate::proxy::ProxyId;

impl Desk {
    /// Does each connection leave by another address?
    pub(super) const fn is_rotating(&self) -> bool {
        self.limits.proxies.rotating
    }

    /// Who testifies against a page that failed through a proxy. Of a rotating line it is another one each time, known to nobody.
    pub(super) fn witness(&mut self, proxy: ProxyId) -> ProxyId {
        if !self.is_rotating() {
            return proxy;
        }
        self.strangers = self.strangers.wrapping_add(1);
        // Far above the numbers of proxies that there are.
        ProxyId(u32::MAX - self.strangers % (u32::MAX / 2))
    }
}
