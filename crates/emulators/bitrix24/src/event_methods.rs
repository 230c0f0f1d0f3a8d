//! `events`, `event.bind`, `event.get`, `event.unbind`, `event.test`.

use serde_json::{Value, json};

use crate::call::{Answer, Call, Refusal};
use crate::events::Subscription;
use crate::value::int_of;

pub(crate) const EVENTS: &[&str] = &[
    "ONAPPUNINSTALL",
    "ONAPPINSTALL",
    "ONAPPUPDATE",
    "ONAPPPAYMENT",
    "ONAPPTEST",
    "ONAPPMETHODCONFIRM",
    "ONOFFLINEEVENT",
    "ONUSERADD",
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMDEALMOVETOCATEGORY",
    "ONCRMDEALUSERFIELDADD",
    "ONCRMDEALUSERFIELDUPDATE",
    "ONCRMDEALUSERFIELDDELETE",
    "ONCRMDEALUSERFIELDSETENUMVALUES",
    "ONCRMCOMPANYADD",
    "ONCRMCOMPANYUPDATE",
    "ONCRMCOMPANYDELETE",
    "ONCRMCOMPANYUSERFIELDADD",
    "ONCRMCOMPANYUSERFIELDUPDATE",
    "ONCRMCOMPANYUSERFIELDDELETE",
    "ONCRMCONTACTADD",
    "ONCRMCONTACTUPDATE",
    "ONCRMCONTACTDELETE",
    "ONCRMCONTACTUSERFIELDADD",
    "ONCRMCONTACTUSERFIELDUPDATE",
    "ONCRMCONTACTUSERFIELDDELETE",
    "ONCRMREQUISITEADD",
    "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE",
    "ONCRMREQUISITEUSERFIELDADD",
    "ONCRMREQUISITEUSERFIELDUPDATE",
    "ONCRMREQUISITEUSERFIELDDELETE",
    "ONCRMBANKDETAILADD",
    "ONCRMBANKDETAILUPDATE",
    "ONCRMBANKDETAILDELETE",
    "ONCRMADDRESSREGISTER",
    "ONCRMADDRESSUNREGISTER",
    "ONCRMDYNAMICITEMADD",
    "ONCRMDYNAMICITEMUPDATE",
    "ONCRMDYNAMICITEMDELETE",
    "ONCRMDYNAMICITEMADD_31",
    "ONCRMDYNAMICITEMUPDATE_31",
    "ONCRMDYNAMICITEMDELETE_31",
    "ONCRMTIMELINECOMMENTADD",
    "ONCRMTIMELINECOMMENTUPDATE",
    "ONCRMTIMELINECOMMENTDELETE",
    "ONCRMACTIVITYADD",
    "ONCRMACTIVITYUPDATE",
    "ONCRMACTIVITYDELETE",
    "ONCRMPRODUCTADD",
    "ONCRMPRODUCTUPDATE",
    "ONCRMPRODUCTDELETE",
    "ONCRMCURRENCYADD",
    "ONCRMCURRENCYUPDATE",
    "ONCRMCURRENCYDELETE",
    "CATALOG.PRODUCT.ON.ADD",
    "CATALOG.PRODUCT.ON.UPDATE",
    "CATALOG.PRODUCT.ON.DELETE",
    "CATALOG.PRICE.ON.ADD",
    "CATALOG.PRICE.ON.UPDATE",
    "CATALOG.PRICE.ON.DELETE",
];

fn app_of(call: &Call<'_>) -> Result<usize, Refusal> {
    call.caller.app.ok_or_else(|| {
        Refusal::new(
            403,
            "WRONG_AUTH_TYPE",
            "Current authorization type is denied for this method Application context required",
        )
    })
}

pub(crate) fn events(call: &mut Call<'_>) -> Answer {
    let scope = call.text("SCOPE");
    let is_of = |name: &&&str| match scope.as_str() {
        "" => true,
        "crm" => name.starts_with("ONCRM"),
        "catalog" => name.starts_with("CATALOG."),
        _ => false,
    };
    Ok(json!(EVENTS.iter().filter(is_of).collect::<Vec<_>>()).into())
}

struct Wanted {
    app: usize,
    event: String,
    handler: String,
    offline: bool,
    auth_type: i64,
    connector: Option<String>,
}

fn wanted(call: &Call<'_>, doing: &str) -> Result<Wanted, Refusal> {
    let app = app_of(call)?;
    let event = call.text("event").to_ascii_uppercase();
    if !EVENTS.contains(&event.as_str()) {
        return Err(Refusal::new(
            400,
            "ERROR_EVENT_NOT_FOUND",
            "Event not found",
        ));
    }
    let offline = call.text("event_type").eq_ignore_ascii_case("offline");
    let auth_type = call.int("auth_type").unwrap_or(0);
    if !call.is_admin() {
        if offline {
            return Err(Refusal::denied(&format!(
                "Access denied! Offline events {doing} requires administrator access rights"
            )));
        }
        if auth_type != 0 && auth_type != call.caller.user {
            let noun = if doing == "binding" {
                "binding"
            } else {
                "unbinding"
            };
            return Err(Refusal::denied(&format!(
                "Access denied! Event {noun} with AUTH_TYPE requires administrator access rights"
            )));
        }
    }
    let auth_type = if call.is_admin() {
        auth_type
    } else {
        call.caller.user
    };
    Ok(Wanted {
        app,
        event,
        handler: call.text("handler"),
        offline,
        auth_type,
        connector: call.connector(),
    })
}

pub(crate) fn bind(call: &mut Call<'_>) -> Answer {
    let wanted = wanted(call, "binding")?;
    let is_reachable = ["http://", "https://"]
        .iter()
        .any(|scheme| wanted.handler.starts_with(scheme));
    if !wanted.offline && !is_reachable {
        return Err(Refusal {
            argument: Some("HANDLER".into()),
            ..Refusal::new(400, "ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty")
        });
    }
    let same = |known: &Subscription| {
        known.app == Some(wanted.app)
            && known.event == wanted.event
            && known.offline == wanted.offline
            && known.handler == wanted.handler
            && known.auth_type == wanted.auth_type
            && known.connector == wanted.connector
    };
    if call.state.events.subscriptions.iter().any(same) {
        return Err(Refusal::new(
            400,
            "ERROR_EVENT_BINDING_EXISTS",
            "Unable to set event handler: Handler already binded",
        ));
    }
    let min_timeout = call
        .param("options")
        .get("minTimeout")
        .and_then(int_of)
        .unwrap_or(1)
        .max(1);
    call.state.events.subscribe(Subscription {
        event: wanted.event,
        handler: if wanted.offline {
            String::new()
        } else {
            wanted.handler
        },
        app: Some(wanted.app),
        auth_type: wanted.auth_type,
        offline: wanted.offline,
        connector: wanted.connector,
        min_timeout,
        ..Subscription::blank()
    });
    Ok(Value::Bool(true).into())
}

pub(crate) fn get(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let own = call
        .state
        .events
        .subscriptions
        .iter()
        .filter(|known| known.app == Some(app));
    let shown = own.map(|known| {
        if known.offline {
            json!({"event": known.event, "connector_id": known.connector.clone().unwrap_or_default(), "offline": 1})
        } else {
            json!({"event": known.event, "handler": known.handler, "auth_type": known.auth_type.to_string(), "offline": 0})
        }
    });
    Ok(Value::Array(shown.collect()).into())
}

pub(crate) fn unbind(call: &mut Call<'_>) -> Answer {
    let wanted = wanted(call, "unbinding")?;
    let any_user = call.param("auth_type").is_null();
    let book = &mut call.state.events.subscriptions;
    let before = book.len();
    book.retain(|known| {
        let hit = known.app == Some(wanted.app)
            && known.event == wanted.event
            && known.offline == wanted.offline
            && (wanted.offline || known.handler == wanted.handler)
            && (any_user || known.auth_type == wanted.auth_type)
            && (!wanted.offline || known.connector == wanted.connector);
        !hit
    });
    Ok(json!({"count": before.saturating_sub(call.state.events.subscriptions.len())}).into())
}

/// Fires `ONAPPTEST` at the caller's own handlers.
pub(crate) fn test(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let own: Vec<Subscription> = call
        .state
        .events
        .subscriptions
        .iter()
        .filter(|known| known.app == Some(app) && known.event == "ONAPPTEST")
        .cloned()
        .collect();
    for subscription in own {
        let data = json!({"QUERY": call.params.iter().filter(|(name, _)| *name != "auth").map(|(name, value)| (name.clone(), value.clone())).collect::<crate::value::Map>()});
        crate::events::enqueue_event(
            call.state,
            subscription,
            data,
            Some(call.caller.user),
            call.now,
            0,
        );
    }
    Ok(Value::Bool(true).into())
}
