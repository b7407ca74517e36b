//! Phrases with which a writer refuses.

use super::lexicon::Role;

/// Looks for a refusal in the roles of the words as they come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refusals {
    /// The last five roles, the newest last.
    last: [Role; 5],
    found: bool,
}

impl Refusals {
    /// The next word has this role.
    pub(super) fn push(&mut self, role: Role) {
        match role {
            Role::IAm => self.one(Role::I).one(Role::Am),
            Role::CanNot => self.one(Role::Can).one(Role::Not),
            Role::WillNot => self.one(Role::Will).one(Role::Not),
            role => self.one(role),
        };
    }

    /// The next word has no role.
    #[inline]
    pub(super) fn other(&mut self) {
        self.last = [Role::None; 5];
    }

    fn one(&mut self, role: Role) -> &mut Self {
        self.last.rotate_left(1);
        self.last[4] = role;
        self.found |= matches!(
            self.last,
            [.., Role::I, Role::Can | Role::Will, Role::Not, Role::Act]
                | [.., Role::I, Role::Am, Role::Unable]
                | [.., Role::I, Role::Am, Role::Not, Role::Able]
                | [.., Role::I, Role::Am, Role::Sorry, Role::But]
                | [.., Role::Sorry, Role::But, Role::I]
                | [.., Role::As, Role::An, Role::Ai]
        );
        self
    }

    /// Whether there was one.
    pub(super) fn found(&self) -> bool {
        self.found
    }
}
