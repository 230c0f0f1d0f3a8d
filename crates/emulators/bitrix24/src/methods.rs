//! Every method that the portal knows: its scope, what it needs, and who carries it out.
//!
//! A method missing here is answered with `ERROR_METHOD_NOT_FOUND`.

use crate::call::{Answer, Call, Refusal};
use crate::{
    chat, deliveries, directory, event_methods, item_methods, offline, requisite_links, requisites,
    rows, system, timeline, userfields,
};

/// What a method needs beside its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// An application; a webhook is refused with `WRONG_AUTH_TYPE`.
    ApplicationByType,
    /// An application; a webhook is refused with `ACCESS_DENIED`.
    ApplicationByAccess,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Read,
    Write,
}

pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// Empty: `basic`, which everybody has.
    pub(crate) scope: &'static str,
    pub(crate) does: Does,
    pub(crate) needs: Needs,
    run: fn(&mut Call<'_>) -> Answer,
}

pub(crate) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// Scopes and context first, as the portal does, then the method itself.
pub(crate) fn run(method: &Method, call: &mut Call<'_>) -> Answer {
    let has_scope = match method.scope {
        "user" => ["user", "user_basic", "user_brief"]
            .iter()
            .any(|scope| call.caller.has_scope(scope)),
        scope => call.caller.has_scope(scope),
    };
    if !has_scope {
        let token = if call.caller.app.is_some() {
            "access token"
        } else {
            "webhook token"
        };
        return Err(Refusal::new(
            403,
            "insufficient_scope",
            format!("The request requires higher privileges than provided by the {token}"),
        ));
    }
    match method.needs {
        Needs::ApplicationByType if call.caller.app.is_none() => Err(Refusal::new(
            403,
            "WRONG_AUTH_TYPE",
            "Current authorization type is denied for this method Application context required",
        )),
        Needs::ApplicationByAccess if call.caller.app.is_none() => Err(Refusal::application_only()),
        _ => (method.run)(call),
    }
}

use Does::{Read, Write};
use Needs::{ApplicationByAccess, ApplicationByType, Nothing};

const fn method(
    name: &'static str,
    scope: &'static str,
    does: Does,
    needs: Needs,
    run: fn(&mut Call<'_>) -> Answer,
) -> Method {
    Method {
        name,
        scope,
        does,
        needs,
        run,
    }
}

#[rustfmt::skip]
pub(crate) const METHODS: &[Method] = &[
    method("app.info", "", Read, ApplicationByAccess, system::app_info),
    method("bizproc.event.send", "bizproc", Write, Nothing, system::robot_answer),
    method("bizproc.robot.add", "bizproc", Write, Nothing, system::robot_add),
    method("bizproc.robot.delete", "bizproc", Write, Nothing, system::robot_delete),
    method("bizproc.robot.list", "bizproc", Read, Nothing, system::robot_list),
    method("bizproc.robot.update", "bizproc", Write, Nothing, system::robot_update),
    method("catalog.catalog.list", "catalog", Read, Nothing, directory::catalog_list),
    method("catalog.measure.list", "catalog", Read, Nothing, directory::catalog_measure_list),
    method("catalog.price.list", "catalog", Read, Nothing, directory::price_list),
    method("catalog.product.list", "catalog", Read, Nothing, directory::product_list),
    method("catalog.vat.list", "catalog", Read, Nothing, directory::catalog_vat_list),
    method("crm.activity.todo.add", "crm", Write, Nothing, timeline::todo_add),
    method("crm.address.add", "crm", Write, Nothing, requisites::address_add),
    method("crm.address.delete", "crm", Write, Nothing, requisites::address_delete),
    method("crm.address.fields", "crm", Read, Nothing, requisites::fields),
    method("crm.address.list", "crm", Read, Nothing, requisites::list),
    method("crm.address.update", "crm", Write, Nothing, requisites::address_update),
    method("crm.automation.trigger", "crm", Write, Nothing, system::trigger_webhook),
    method("crm.automation.trigger.add", "crm", Write, ApplicationByAccess, system::trigger_add),
    method("crm.automation.trigger.delete", "crm", Write, ApplicationByAccess, system::trigger_delete),
    method("crm.automation.trigger.execute", "crm", Write, ApplicationByAccess, system::trigger_execute),
    method("crm.automation.trigger.list", "crm", Read, ApplicationByAccess, system::trigger_list),
    method("crm.category.fields", "crm", Read, Nothing, directory::category_fields),
    method("crm.category.get", "crm", Read, Nothing, directory::category_get),
    method("crm.category.list", "crm", Read, Nothing, directory::category_list),
    method("crm.company.add", "crm", Write, Nothing, item_methods::old_add),
    method("crm.company.contact.items.get", "crm", Read, Nothing, item_methods::contact_items_get),
    method("crm.company.delete", "crm", Write, Nothing, item_methods::old_delete),
    method("crm.company.fields", "crm", Read, Nothing, item_methods::old_fields),
    method("crm.company.get", "crm", Read, Nothing, item_methods::old_get),
    method("crm.company.list", "crm", Read, Nothing, item_methods::old_list),
    method("crm.company.update", "crm", Write, Nothing, item_methods::old_update),
    method("crm.company.userfield.add", "crm", Write, Nothing, userfields::old_add),
    method("crm.company.userfield.delete", "crm", Write, Nothing, userfields::old_delete),
    method("crm.company.userfield.get", "crm", Read, Nothing, userfields::old_get),
    method("crm.company.userfield.list", "crm", Read, Nothing, userfields::old_list),
    method("crm.company.userfield.update", "crm", Write, Nothing, userfields::old_update),
    method("crm.contact.add", "crm", Write, Nothing, item_methods::old_add),
    method("crm.contact.delete", "crm", Write, Nothing, item_methods::old_delete),
    method("crm.contact.fields", "crm", Read, Nothing, item_methods::old_fields),
    method("crm.contact.get", "crm", Read, Nothing, item_methods::old_get),
    method("crm.contact.list", "crm", Read, Nothing, item_methods::old_list),
    method("crm.contact.update", "crm", Write, Nothing, item_methods::old_update),
    method("crm.contact.userfield.add", "crm", Write, Nothing, userfields::old_add),
    method("crm.contact.userfield.delete", "crm", Write, Nothing, userfields::old_delete),
    method("crm.contact.userfield.get", "crm", Read, Nothing, userfields::old_get),
    method("crm.contact.userfield.list", "crm", Read, Nothing, userfields::old_list),
    method("crm.contact.userfield.update", "crm", Write, Nothing, userfields::old_update),
    method("crm.currency.list", "crm", Read, Nothing, directory::currency_list),
    method("crm.deal.add", "crm", Write, Nothing, item_methods::old_add),
    method("crm.deal.contact.items.get", "crm", Read, Nothing, item_methods::contact_items_get),
    method("crm.deal.delete", "crm", Write, Nothing, item_methods::old_delete),
    method("crm.deal.fields", "crm", Read, Nothing, item_methods::old_fields),
    method("crm.deal.get", "crm", Read, Nothing, item_methods::old_get),
    method("crm.deal.list", "crm", Read, Nothing, item_methods::old_list),
    method("crm.deal.productrows.get", "crm", Read, Nothing, rows::old_get),
    method("crm.deal.productrows.set", "crm", Write, Nothing, rows::old_set),
    method("crm.deal.update", "crm", Write, Nothing, item_methods::old_update),
    method("crm.deal.userfield.add", "crm", Write, Nothing, userfields::old_add),
    method("crm.deal.userfield.delete", "crm", Write, Nothing, userfields::old_delete),
    method("crm.deal.userfield.get", "crm", Read, Nothing, userfields::old_get),
    method("crm.deal.userfield.list", "crm", Read, Nothing, userfields::old_list),
    method("crm.deal.userfield.update", "crm", Write, Nothing, userfields::old_update),
    method("crm.dealcategory.default.get", "crm", Read, Nothing, directory::old_funnel_default),
    method("crm.dealcategory.list", "crm", Read, Nothing, directory::old_funnel_list),
    method("crm.dealcategory.stage.list", "crm", Read, Nothing, directory::old_funnel_stages),
    method("crm.duplicate.findbycomm", "crm", Read, Nothing, item_methods::find_by_comm),
    method("crm.enum.addresstype", "crm", Read, Nothing, requisites::address_types),
    method("crm.item.add", "crm", Write, Nothing, item_methods::item_add),
    method("crm.item.delete", "crm", Write, Nothing, item_methods::item_delete),
    method("crm.item.delivery.get", "crm", Read, Nothing, deliveries::get),
    method("crm.item.delivery.list", "crm", Read, Nothing, deliveries::list),
    method("crm.item.fields", "crm", Read, Nothing, item_methods::item_fields),
    method("crm.item.get", "crm", Read, Nothing, item_methods::item_get),
    method("crm.item.list", "crm", Read, Nothing, item_methods::item_list),
    method("crm.item.productrow.add", "crm", Write, Nothing, rows::add),
    method("crm.item.productrow.delete", "crm", Write, Nothing, rows::delete),
    method("crm.item.productrow.fields", "crm", Read, Nothing, rows::fields),
    method("crm.item.productrow.get", "crm", Read, Nothing, rows::get),
    method("crm.item.productrow.list", "crm", Read, Nothing, rows::list),
    method("crm.item.productrow.set", "crm", Write, Nothing, rows::set_all),
    method("crm.item.productrow.update", "crm", Write, Nothing, rows::update),
    method("crm.item.update", "crm", Write, Nothing, item_methods::item_update),
    method("crm.measure.list", "crm", Read, Nothing, directory::old_measure_list),
    method("crm.requisite.add", "crm", Write, Nothing, requisites::add),
    method("crm.requisite.bankdetail.add", "crm", Write, Nothing, requisites::add),
    method("crm.requisite.bankdetail.delete", "crm", Write, Nothing, requisites::delete),
    method("crm.requisite.bankdetail.fields", "crm", Read, Nothing, requisites::fields),
    method("crm.requisite.bankdetail.get", "crm", Read, Nothing, requisites::get),
    method("crm.requisite.bankdetail.list", "crm", Read, Nothing, requisites::list),
    method("crm.requisite.bankdetail.update", "crm", Write, Nothing, requisites::update),
    method("crm.requisite.delete", "crm", Write, Nothing, requisites::delete),
    method("crm.requisite.fields", "crm", Read, Nothing, requisites::fields),
    method("crm.requisite.get", "crm", Read, Nothing, requisites::get),
    method("crm.requisite.link.fields", "crm", Read, Nothing, requisites::fields),
    method("crm.requisite.link.get", "crm", Read, Nothing, requisite_links::get),
    method("crm.requisite.link.list", "crm", Read, Nothing, requisites::list),
    method("crm.requisite.link.register", "crm", Write, Nothing, requisite_links::register),
    method("crm.requisite.link.unregister", "crm", Write, Nothing, requisite_links::unregister),
    method("crm.requisite.list", "crm", Read, Nothing, requisites::list),
    method("crm.requisite.preset.countries", "crm", Read, Nothing, requisites::countries),
    method("crm.requisite.preset.field.list", "crm", Read, Nothing, requisites::preset_fields),
    method("crm.requisite.preset.fields", "crm", Read, Nothing, requisites::fields),
    method("crm.requisite.preset.get", "crm", Read, Nothing, requisites::get),
    method("crm.requisite.preset.list", "crm", Read, Nothing, requisites::list),
    method("crm.requisite.update", "crm", Write, Nothing, requisites::update),
    method("crm.requisite.userfield.add", "crm", Write, Nothing, userfields::old_add),
    method("crm.requisite.userfield.delete", "crm", Write, Nothing, userfields::old_delete),
    method("crm.requisite.userfield.get", "crm", Read, Nothing, userfields::old_get),
    method("crm.requisite.userfield.list", "crm", Read, Nothing, userfields::old_list),
    method("crm.requisite.userfield.update", "crm", Write, Nothing, userfields::old_update),
    method("crm.stagehistory.list", "crm", Read, Nothing, item_methods::stage_history),
    method("crm.status.entity.items", "crm", Read, Nothing, directory::status_entity_items),
    method("crm.status.entity.types", "crm", Read, Nothing, directory::status_entity_types),
    method("crm.status.fields", "crm", Read, Nothing, directory::status_fields),
    method("crm.status.get", "crm", Read, Nothing, directory::status_get),
    method("crm.status.list", "crm", Read, Nothing, directory::status_list),
    method("crm.timeline.comment.add", "crm", Write, Nothing, timeline::comment_add),
    method("crm.timeline.comment.delete", "crm", Write, Nothing, timeline::comment_delete),
    method("crm.timeline.comment.fields", "crm", Read, Nothing, timeline::comment_fields),
    method("crm.timeline.comment.get", "crm", Read, Nothing, timeline::comment_get),
    method("crm.timeline.comment.list", "crm", Read, Nothing, timeline::comment_list),
    method("crm.timeline.comment.update", "crm", Write, Nothing, timeline::comment_update),
    method("crm.timeline.icon.list", "crm", Read, Nothing, timeline::icon_list),
    method("crm.timeline.logmessage.add", "crm", Write, Nothing, timeline::log_add),
    method("crm.timeline.logmessage.delete", "crm", Write, Nothing, timeline::log_delete),
    method("crm.timeline.logmessage.get", "crm", Read, Nothing, timeline::log_get),
    method("crm.timeline.logmessage.list", "crm", Read, Nothing, timeline::log_list),
    method("crm.vat.list", "crm", Read, Nothing, directory::old_vat_list),
    method("department.get", "department", Read, Nothing, system::departments),
    method("event.bind", "", Write, ApplicationByType, event_methods::bind),
    method("event.get", "", Read, ApplicationByType, event_methods::get),
    method("event.offline.clear", "", Write, ApplicationByType, offline::clear),
    method("event.offline.error", "", Write, ApplicationByType, offline::error),
    method("event.offline.get", "", Write, ApplicationByType, offline::get),
    method("event.offline.list", "", Read, ApplicationByType, offline::list),
    method("event.test", "", Write, ApplicationByType, event_methods::test),
    method("event.unbind", "", Write, ApplicationByType, event_methods::unbind),
    method("events", "", Read, ApplicationByType, event_methods::events),
    method("feature.get", "", Read, Nothing, system::feature_get),
    method("im.chat.add", "im", Write, Nothing, chat::chat_add),
    method("im.dialog.get", "im", Read, Nothing, chat::dialog_get),
    method("im.dialog.messages.get", "im", Read, Nothing, chat::messages_get),
    method("im.message.add", "im", Write, Nothing, chat::message_add),
    method("im.message.update", "im", Write, Nothing, chat::message_update),
    method("im.notify", "im", Write, Nothing, chat::notify),
    method("im.notify.personal.add", "im", Write, Nothing, chat::notify),
    method("im.notify.system.add", "im", Write, Nothing, chat::notify),
    method("im.user.get", "im", Read, Nothing, chat::user_get),
    method("method.get", "", Read, Nothing, system::method_get),
    method("methods", "", Read, Nothing, system::methods),
    method("placement.bind", "placement", Write, ApplicationByType, system::placement_bind),
    method("placement.get", "placement", Read, ApplicationByType, system::placement_get),
    method("placement.list", "placement", Read, ApplicationByType, system::placement_list),
    method("placement.unbind", "placement", Write, ApplicationByType, system::placement_unbind),
    method("profile", "", Read, Nothing, directory::profile),
    method("scope", "", Read, Nothing, system::scope),
    method("server.time", "", Read, Nothing, system::server_time),
    method("user.admin", "", Read, Nothing, system::is_admin),
    method("user.current", "user", Read, Nothing, directory::user_current),
    method("user.get", "user", Read, Nothing, directory::user_list),
    method("user.search", "user", Read, Nothing, directory::user_list),
    method("userfieldconfig.add", "userfieldconfig", Write, Nothing, userfields::config_add),
    method("userfieldconfig.delete", "userfieldconfig", Write, Nothing, userfields::config_delete),
    method("userfieldconfig.get", "userfieldconfig", Read, Nothing, userfields::config_get),
    method("userfieldconfig.list", "userfieldconfig", Read, Nothing, userfields::config_list),
];
