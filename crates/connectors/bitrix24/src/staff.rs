//! Who works at the portal: people by fifty, and the departments above those who do not any more or whose heads are asked for.
//!
//! <https://apidocs.bitrix24.com/api-reference/user/user-get.html>: `ACTIVE` is told to whoever has a scope of `user`.
//! <https://apidocs.bitrix24.com/api-reference/departments/department-get.html>: needs the scope `department`; without it
//! nobody is known to lead anything.

use capability::{Call, ConnectorError};
use domain::staff::{Department, Employee, Staff};
use domain::{DepartmentId, UserId, Verdict};
use serde_json::json;

use crate::command::Command;
use crate::connection::Connector;
use crate::error::{Effect, other_shape};
use crate::gather::{PAGE, rows};
use crate::wire;

/// Pages of departments; a company with more of them has its heads by the first.
const MOST_PAGES: usize = 20;

impl Connector {
    /// These people; where one of them was dismissed, or `with_heads`, also who leads the departments above.
    pub(crate) async fn read_staff(
        &self,
        call: &Call<'_>,
        users: &[UserId],
        with_heads: bool,
    ) -> Result<Staff, ConnectorError> {
        let mut staff = Staff::default();
        self.employees(call, users, &mut staff).await?;
        let led: Vec<UserId> = staff
            .employees
            .iter()
            .filter(|(_, employee)| with_heads || !employee.works)
            .map(|(id, _)| *id)
            .collect();
        if led.is_empty() {
            return Ok(staff);
        }
        match self.departments(call, &mut staff).await {
            // Without the right to see them there are none.
            Err(error) if error.verdict == Verdict::Reject => {}
            read => read?,
        }
        let mut heads: Vec<UserId> = led
            .iter()
            .flat_map(|user| staff.heads_above(*user))
            .filter(|head| !staff.employees.contains_key(head))
            .collect();
        heads.sort_unstable();
        heads.dedup();
        self.employees(call, &heads, &mut staff).await?;
        Ok(staff)
    }

    async fn employees(
        &self,
        call: &Call<'_>,
        users: &[UserId],
        staff: &mut Staff,
    ) -> Result<(), ConnectorError> {
        if users.is_empty() {
            return Ok(());
        }
        let commands: Vec<Command> = users
            .chunks(PAGE)
            .map(|users| Command::new("user.get", json!({"FILTER": {"ID": users}})))
            .collect();
        for answer in self.client.batch(call, &commands, Effect::Read).await {
            let read = rows::<wire::Employee>(answer?, "users")
                .map_err(|shape| other_shape(Effect::Read, "user.get", shape.to_string()))?;
            staff.employees.extend(read.into_iter().map(|user| {
                let departments = user.departments.0.iter();
                let employee = Employee {
                    // A portal that does not say it has not dismissed anybody.
                    works: user.active.is_none_or(|active| active.0),
                    departments: departments
                        .filter_map(|department| department.0.map(DepartmentId))
                        .collect(),
                };
                (UserId(user.id.0), employee)
            }));
        }
        Ok(())
    }

    async fn departments(&self, call: &Call<'_>, staff: &mut Staff) -> Result<(), ConnectorError> {
        for page in 0..MOST_PAGES {
            let get = Command::new("department.get", json!({"start": page * PAGE}));
            let answer = self.client.call(call, &get, Effect::Read).await?;
            let read = rows::<wire::Department>(answer, "departments")
                .map_err(|shape| other_shape(Effect::Read, get.method, shape.to_string()))?;
            let count = read.len();
            staff.departments.extend(read.into_iter().map(|one| {
                let department = Department {
                    parent: one.parent.0.map(DepartmentId),
                    head: one.head.0.map(UserId),
                };
                (DepartmentId(one.id.0), department)
            }));
            if count < PAGE {
                break;
            }
        }
        Ok(())
    }
}
