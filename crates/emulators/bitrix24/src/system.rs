//! The portal about itself: application, scopes, methods, features, widgets, triggers, robots.

use serde_json::{Value, json};

use crate::call::{Answer, Call, Refusal, Reply};
use crate::item_methods::origin_of;
use crate::schema::entity_type;
use crate::state::Table;
use crate::truth::What;
use crate::value::{Map, is_empty, members, text_of};

#[derive(Debug, Default)]
pub(crate) struct SystemBook {
    last_multifield: i64,
    pub(crate) placements: Vec<Placement>,
    /// Code and name, by application.
    pub(crate) triggers: Vec<(usize, String, String)>,
    pub(crate) robots: Vec<AppRobot>,
    /// Tokens of robot calls that wait for an answer.
    pub(crate) waiting_robots: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Placement {
    app: usize,
    code: String,
    handler: String,
    options: Value,
    title: String,
    lang_all: Value,
}

/// A robot that an application registered.
#[derive(Debug, Clone)]
pub(crate) struct AppRobot {
    pub(crate) app: usize,
    pub(crate) code: String,
    pub(crate) handler: String,
    pub(crate) use_subscription: String,
    fields: Map,
}

impl SystemBook {
    pub(crate) fn next_multifield_id(&mut self) -> i64 {
        self.last_multifield = self.last_multifield.saturating_add(1);
        self.last_multifield
    }
}

pub(crate) fn app_info(call: &mut Call<'_>) -> Answer {
    let app = call
        .caller
        .app
        .and_then(|app| call.state.auth.apps.get(app))
        .ok_or_else(Refusal::application_only)?;
    Ok(json!({
        "ID": 5, "CODE": app.seed.client_id, "VERSION": 1, "STATUS": "L", "INSTALLED": app.seed.installed, "PAYMENT_EXPIRED": "N",
        "DAYS": null, "LANGUAGE_ID": "ru", "LICENSE": "ru_pro100", "LICENSE_TYPE": "pro100", "LICENSE_FAMILY": "pro",
    })
    .into())
}

pub(crate) fn scope(call: &mut Call<'_>) -> Answer {
    if call.params.contains_key("full") || call.params.contains_key("FULL") {
        return Ok(json!(crate::config::default_scopes()).into());
    }
    Ok(json!(call.caller.scopes).into())
}

pub(crate) fn methods(call: &mut Call<'_>) -> Answer {
    let wanted = call.text("scope");
    let own = &call.caller.scopes;
    let names: Vec<&str> = crate::methods::METHODS
        .iter()
        .filter(|method| {
            if wanted.is_empty() {
                method.scope.is_empty() || own.iter().any(|scope| scope == method.scope)
            } else {
                method.scope == wanted
            }
        })
        .map(|method| method.name)
        .collect();
    Ok(json!(names).into())
}

pub(crate) fn method_get(call: &mut Call<'_>) -> Answer {
    let found = crate::methods::find(&call.text("name").to_ascii_lowercase());
    let is_available = found.is_some_and(|method| call.caller.has_scope(method.scope));
    Ok(json!({"isExisting": found.is_some(), "isAvailable": is_available}).into())
}

pub(crate) fn feature_get(call: &mut Call<'_>) -> Answer {
    let code = call.text("CODE");
    if code.is_empty() {
        return Err(Refusal::new(400, "CODE_EMPTY", "CODE can't be empty"));
    }
    let is_on = call
        .state
        .config
        .features
        .get(&code)
        .copied()
        .unwrap_or(false);
    Ok(json!({"value": if is_on { "Y" } else { "N" }}).into())
}

pub(crate) fn server_time(call: &mut Call<'_>) -> Answer {
    Ok(Value::from(call.state.zone.moment(call.seconds())).into())
}

pub(crate) fn is_admin(call: &mut Call<'_>) -> Answer {
    Ok(Value::Bool(call.is_admin()).into())
}

pub(crate) fn departments(call: &mut Call<'_>) -> Answer {
    let seeds = call.state.config.departments.iter();
    let start = usize::try_from(call.int("start").unwrap_or(0)).unwrap_or(0);
    let shown = seeds.map(|one| {
        let mut shown = json!({"ID": one.id.to_string(), "NAME": one.name, "SORT": 500});
        if let Value::Object(fields) = &mut shown {
            // What is not set is not told.
            let links = [("PARENT", one.parent), ("UF_HEAD", one.head)];
            for (name, id) in links {
                let id = id.map(|id| Value::from(id.to_string()));
                fields.extend(id.map(|id| (name.to_owned(), id)));
            }
        }
        shown
    });
    Ok(Reply::list(
        shown.skip(start).take(crate::filter::PAGE).collect(),
    ))
}

const PLACEMENTS: &[&str] = &[
    "CRM_DEAL_DETAIL_TAB",
    "CRM_DEAL_DETAIL_TOOLBAR",
    "CRM_DEAL_DETAIL_ACTIVITY",
    "CRM_DEAL_DOCUMENTGENERATOR_BUTTON",
    "CRM_DEAL_LIST_MENU",
    "CRM_DEAL_LIST_TOOLBAR",
    "CRM_COMPANY_DETAIL_TAB",
    "CRM_CONTACT_DETAIL_TAB",
    "CRM_SMART_INVOICE_DETAIL_TAB",
    "CRM_SMART_INVOICE_DETAIL_TOOLBAR",
    "CRM_DEAL_ACTIVITY_TIMELINE_MENU",
    "CRM_REQUISITE_AUTOCOMPLETE",
    "CRM_BANK_DETAIL_AUTOCOMPLETE",
    "CRM_DETAIL_SEARCH",
    "LEFT_MENU",
    "REST_APP_URI",
];

fn app_of(call: &Call<'_>) -> Result<usize, Refusal> {
    call.caller.app.ok_or_else(Refusal::application_only)
}

pub(crate) fn placement_list(_call: &mut Call<'_>) -> Answer {
    Ok(json!(PLACEMENTS).into())
}

pub(crate) fn placement_bind(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    call.need_admin("Access denied!")?;
    let code = call.text("PLACEMENT").to_ascii_uppercase();
    for name in ["PLACEMENT", "HANDLER"] {
        if call.text(name).is_empty() {
            // These come with status 200.
            let description = format!("Argument '{name}' is null or empty");
            return Err(Refusal {
                argument: Some(name.to_owned()),
                ..Refusal::new(200, "ERROR_ARGUMENT", description)
            });
        }
    }
    if !PLACEMENTS.contains(&code.as_str()) {
        return Err(Refusal::new(
            400,
            "ERROR_PLACEMENT_NOT_FOUND",
            "Placement not found",
        ));
    }
    let handler = call.text("HANDLER");
    let book = &mut call.state.system;
    if book.placements.iter().any(|bound| {
        bound.app == app
            && bound.code == code
            && (bound.handler == handler || code == "REST_APP_URI")
    }) {
        return Err(Refusal::new(
            200,
            "ERROR_PLACEMENT_MAX_COUNT",
            "Placement max count",
        ));
    }
    let placement = Placement {
        app,
        code,
        handler,
        options: param(call, "OPTIONS"),
        title: call.text("TITLE"),
        lang_all: param(call, "LANG_ALL"),
    };
    call.state.system.placements.push(placement);
    Ok(Value::Bool(true).into())
}

fn param(call: &Call<'_>, name: &str) -> Value {
    let value = call.param(name);
    if is_empty(value) {
        json!([])
    } else {
        value.clone()
    }
}

pub(crate) fn placement_get(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let own = call
        .state
        .system
        .placements
        .iter()
        .filter(|bound| bound.app == app);
    let shown = own.map(|bound| {
        json!({"placement": bound.code, "userId": 0, "handler": bound.handler, "options": bound.options, "title": bound.title, "description": "", "langAll": bound.lang_all})
    });
    Ok(Value::Array(shown.collect()).into())
}

pub(crate) fn placement_unbind(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let (code, handler) = (
        call.text("PLACEMENT").to_ascii_uppercase(),
        call.text("HANDLER"),
    );
    let book = &mut call.state.system.placements;
    let before = book.len();
    book.retain(|bound| {
        !(bound.app == app
            && bound.code == code
            && (handler.is_empty() || bound.handler == handler))
    });
    Ok(json!({"count": before.saturating_sub(call.state.system.placements.len())}).into())
}

fn trigger_code(call: &Call<'_>) -> Result<String, Refusal> {
    let code = call.text("CODE");
    if code.is_empty() {
        return Err(Refusal::nameless("Empty trigger code!"));
    }
    let is_allowed = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '-' | '_')
    };
    if !code.chars().all(is_allowed) {
        return Err(Refusal::nameless("Wrong trigger code!"));
    }
    Ok(code)
}

pub(crate) fn trigger_add(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    call.need_admin("Access denied! Admin permissions required")?;
    let code = trigger_code(call)?;
    let name = call.text("NAME");
    if name.is_empty() {
        return Err(Refusal::nameless("Empty trigger name!"));
    }
    let triggers = &mut call.state.system.triggers;
    triggers.retain(|(owner, known, _)| !(*owner == app && *known == code));
    triggers.push((app, code, name));
    Ok(Value::Bool(true).into())
}

pub(crate) fn trigger_list(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    call.need_admin("Access denied! Admin permissions required")?;
    let own = call
        .state
        .system
        .triggers
        .iter()
        .filter(|(owner, ..)| *owner == app);
    Ok(Value::Array(
        own.map(|(_, code, name)| json!({"NAME": name, "CODE": code}))
            .collect(),
    )
    .into())
}

pub(crate) fn trigger_delete(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let code = trigger_code(call)?;
    let triggers = &mut call.state.system.triggers;
    let before = triggers.len();
    triggers.retain(|(owner, known, _)| !(*owner == app && *known == code));
    if triggers.len() == before {
        Err(Refusal::nameless("Trigger not found"))
    } else {
        Ok(Value::Bool(true).into())
    }
}

pub(crate) fn trigger_execute(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    call.need_admin("Access denied! Admin permissions required")?;
    let code = trigger_code(call)?;
    if !call
        .state
        .system
        .triggers
        .iter()
        .any(|(owner, known, _)| *owner == app && *known == code)
    {
        return Err(Refusal::nameless(format!(
            "Trigger with code {code} is not registered."
        )));
    }
    let type_id = call.int("OWNER_TYPE_ID").unwrap_or(0);
    let id = call.int("OWNER_ID").unwrap_or(0);
    run_trigger(call, type_id, id, &code)
}

fn run_trigger(call: &mut Call<'_>, type_id: i64, id: i64, code: &str) -> Answer {
    let entity = entity_type(type_id)
        .ok_or_else(|| Refusal::nameless("Incorrect parameter OWNER_TYPE_ID."))?;
    if id <= 0 || call.state.get(Table::Item(type_id), id).is_none() {
        return Err(Refusal::nameless("Incorrect parameter OWNER_ID."));
    }
    let text = format!("trigger {code} on {} {id}", entity.code);
    call.state.truth.add(call.now, What::Note { text });
    let origin = origin_of(call);
    crate::robots::on_trigger(call.state, entity, id, code, &origin);
    Ok(Value::Bool(true).into())
}

/// `crm.automation.trigger` of a webhook: `target` is `DEAL_25`.
pub(crate) fn trigger_webhook(call: &mut Call<'_>) -> Answer {
    let target = call.text("target");
    let code = call.text("code");
    let (kind, id) = target
        .rsplit_once('_')
        .ok_or_else(|| Refusal::nameless("Target is not found."))?;
    let entity = crate::schema::entity_type_by_code(kind)
        .ok_or_else(|| Refusal::nameless("Target is not found."))?;
    run_trigger(call, entity.id, id.parse().unwrap_or(0), &code)
}

fn robot_refusal(text: &str) -> Refusal {
    Refusal::new(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", text)
}

fn robot_app(call: &Call<'_>) -> Result<usize, Refusal> {
    let app = call
        .caller
        .app
        .ok_or_else(|| Refusal::denied("Application context required"))?;
    call.need_admin("Access denied!")?;
    Ok(app)
}

fn robot_code(call: &Call<'_>) -> Result<String, Refusal> {
    let code = call.text("CODE");
    if code.is_empty() {
        return Err(robot_refusal("Empty activity code!"));
    }
    let is_allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if code.chars().all(is_allowed) {
        Ok(code)
    } else {
        Err(robot_refusal("Wrong activity code!"))
    }
}

pub(crate) fn robot_add(call: &mut Call<'_>) -> Answer {
    let app = robot_app(call)?;
    let code = robot_code(call)?;
    let handler = call.text("HANDLER");
    check_handler(&handler)?;
    if is_empty(call.param("NAME")) {
        return Err(robot_refusal("Empty activity NAME!"));
    }
    if call
        .state
        .system
        .robots
        .iter()
        .any(|robot| robot.app == app && robot.code == code)
    {
        return Err(Refusal::new(
            400,
            "ERROR_ACTIVITY_ALREADY_INSTALLED",
            "Activity or Automation rule already installed!",
        ));
    }
    let robot = AppRobot {
        app,
        code,
        handler,
        use_subscription: call.text("USE_SUBSCRIPTION"),
        fields: call.params.clone(),
    };
    call.state.system.robots.push(robot);
    Ok(Value::Bool(true).into())
}

fn check_handler(handler: &str) -> Result<(), Refusal> {
    if !(handler.starts_with("http://") || handler.starts_with("https://")) {
        return Err(Refusal::new(
            400,
            "ERROR_UNSUPPORTED_PROTOCOL",
            "Unsupported handler protocol",
        ));
    }
    Ok(())
}

pub(crate) fn robot_list(call: &mut Call<'_>) -> Answer {
    let app = robot_app(call)?;
    Ok(Value::Array(
        call.state
            .system
            .robots
            .iter()
            .filter(|robot| robot.app == app)
            .map(|robot| robot.code.clone().into())
            .collect(),
    )
    .into())
}

pub(crate) fn robot_update(call: &mut Call<'_>) -> Answer {
    let app = robot_app(call)?;
    let code = robot_code(call)?;
    let fields = call.fields();
    if fields.is_empty() {
        return Err(robot_refusal("No fields to update"));
    }
    let robot = call
        .state
        .system
        .robots
        .iter_mut()
        .find(|robot| robot.app == app && robot.code == code);
    let robot = robot.ok_or_else(|| {
        Refusal::new(
            400,
            "ERROR_ACTIVITY_NOT_FOUND",
            "Activity or Automation Rule not found!",
        )
    })?;
    if let Some(handler) = fields.get("HANDLER").map(text_of) {
        check_handler(&handler)?;
        robot.handler = handler;
    }
    if let Some(subscription) = fields.get("USE_SUBSCRIPTION") {
        robot.use_subscription = text_of(subscription);
    }
    robot.fields.extend(fields);
    Ok(Value::Bool(true).into())
}

pub(crate) fn robot_delete(call: &mut Call<'_>) -> Answer {
    let app = robot_app(call)?;
    let code = robot_code(call)?;
    let robots = &mut call.state.system.robots;
    let before = robots.len();
    robots.retain(|robot| !(robot.app == app && robot.code == code));
    if robots.len() == before {
        return Err(Refusal::new(
            400,
            "ERROR_ACTIVITY_NOT_FOUND",
            "Activity or Robot not found!",
        ));
    }
    Ok(Value::Bool(true).into())
}

/// `bizproc.event.send`: a robot's answer, good once.
pub(crate) fn robot_answer(call: &mut Call<'_>) -> Answer {
    let token = call.text("event_token");
    let waiting = &mut call.state.system.waiting_robots;
    let Some(at) = waiting.iter().position(|known| *known == token) else {
        return Err(Refusal::denied("Access denied!"));
    };
    waiting.remove(at);
    let names = members(call.param("return_values")).len();
    let text = format!(
        "robot answered with {names} values: {}",
        call.text("log_message")
    );
    call.state.truth.add(call.now, What::Note { text });
    Ok(Value::Bool(true).into())
}
