//! What a route does with a request.

use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::route::v3::DirectResponseAction;
use envoy_types::pb::envoy::config::route::v3::route::Action as Message;

use crate::forward::Forwarding;
use crate::redirect::Redirect;
use crate::text::Findings;

/// An action, ready to be worked out.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Forward(Box<Forwarding>),
    Redirect(Box<Redirect>),
    Direct(Direct),
    Unknown(String),
}

/// An answer the route has ready.
#[derive(Debug, Clone)]
pub(crate) struct Direct {
    pub(crate) status: u16,
    pub(crate) body: Option<String>,
    pub(crate) note: Option<String>,
}

impl Action {
    pub(crate) fn new(message: Option<&Message>, findings: &mut Findings<'_>) -> Action {
        match message {
            Some(Message::Route(route)) => Action::Forward(Box::new(Forwarding::new(route, findings))),
            Some(Message::Redirect(redirect)) => Action::Redirect(Box::new(Redirect::new(redirect, findings))),
            Some(Message::DirectResponse(direct)) => Action::Direct(Direct::new(direct)),
            Some(Message::FilterAction(_)) => Action::Unknown("this route's filter_action is not evaluated".into()),
            Some(Message::NonForwardingAction(_)) => {
                Action::Unknown("this route does not forward: it is for servers without a proxy".into())
            }
            None => Action::Unknown("this route has no action: Envoy refuses it".into()),
        }
    }
}

impl Direct {
    fn new(message: &DirectResponseAction) -> Direct {
        let mut note =
            message.body_format.as_ref().map(|_| "the direct response's body_format is not evaluated".into());
        let body = match message.body.as_ref().map(|body| &body.specifier) {
            None => Some(String::new()),
            Some(Some(Specifier::InlineString(text))) => Some(text.clone()),
            Some(Some(Specifier::InlineBytes(bytes))) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Some(_) => {
                note = Some("the direct response's body is a file or a variable on the proxy's host".to_owned());
                None
            }
        };
        Direct { status: u16::try_from(message.status).unwrap_or(u16::MAX), body, note }
    }
}
