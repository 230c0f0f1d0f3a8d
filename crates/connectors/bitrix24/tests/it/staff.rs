//! Who works there, and who leads the departments above somebody who does not.

use std::sync::{Arc, Mutex};

use domain::staff::{Department, Employee, Staff};
use domain::{DepartmentId, UserId};
use serde_json::{Value, json};

use crate::script::{Params, Reply, Stage, list, portal};

/// Users 5 (dismissed) and 6; 5 was in department 3, which 7 leads; 9 leads the company.
fn people(method: &str, params: &Params) -> Reply {
    Reply::Result(match method {
        "user.get" => {
            let user = |id: &u64| match id {
                5 => Some(json!({"ID": "5", "ACTIVE": false, "UF_DEPARTMENT": [3]})),
                6 => Some(json!({"ID": "6", "ACTIVE": true, "UF_DEPARTMENT": false})),
                7 => Some(json!({"ID": "7", "UF_DEPARTMENT": ["3"]})),
                9 => Some(json!({"ID": "9", "ACTIVE": true, "UF_DEPARTMENT": []})),
                _ => None,
            };
            let ids = list(params, "FILTER[ID]");
            Value::Array(ids.iter().filter_map(user).collect())
        }
        "department.get" => json!([
            {"ID": "1", "NAME": "Компания", "SORT": 500, "UF_HEAD": "9"},
            {"ID": "3", "NAME": "Продажи", "SORT": 500, "PARENT": "1", "UF_HEAD": "7"},
        ]),
        other => panic!("{other}"),
    })
}

fn works(departments: &[u64]) -> Employee {
    Employee {
        works: true,
        departments: departments.iter().copied().map(DepartmentId).collect(),
    }
}

/// The portal with the names of what it was asked.
fn heard(refuse: &'static str) -> (Stage, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let stage = Stage::webhook(portal(move |method, params| {
        heard.lock().unwrap().push(method.to_owned());
        if method == refuse {
            return Reply::Error("insufficient_scope");
        }
        people(method, params)
    }));
    (stage, asked)
}

async fn staff(stage: &Stage, users: &[UserId]) -> Staff {
    let directory = &stage.portal.directory;
    let read = directory.staff(&stage.call(), users, false).await;
    read.unwrap()
}

#[tokio::test]
async fn departments_are_read_only_where_somebody_was_dismissed() {
    let (stage, asked) = heard("nothing");
    let at_work = staff(&stage, &[UserId(6), UserId(99)]).await;
    assert_eq!(at_work.employees, [(UserId(6), works(&[]))].into());
    assert!(at_work.departments.is_empty());
    assert_eq!(*asked.lock().unwrap(), ["user.get"]);

    let gone = staff(&stage, &[UserId(5), UserId(6)]).await;
    assert!(!gone.employees[&UserId(5)].works);
    assert_eq!(gone.heads_above(UserId(5)), [UserId(7), UserId(9)]);
    // Who is not said to be dismissed works there.
    assert_eq!(gone.employees[&UserId(7)], works(&[3]));
    assert_eq!(gone.employees[&UserId(9)], works(&[]));
    let company = Department {
        parent: None,
        head: Some(UserId(9)),
    };
    assert_eq!(gone.departments[&DepartmentId(1)], company);
}

#[tokio::test]
async fn whose_heads_are_asked_for_has_the_departments_read_although_he_works_there() {
    let (stage, asked) = heard("nothing");
    let directory = &stage.portal.directory;
    let led = directory
        .staff(&stage.call(), &[UserId(7)], true)
        .await
        .unwrap();
    assert_eq!(led.heads_above(UserId(7)), [UserId(9)]);
    assert_eq!(led.employees[&UserId(9)], works(&[]));
    assert_eq!(
        *asked.lock().unwrap(),
        ["user.get", "department.get", "user.get"]
    );
}

#[tokio::test]
async fn people_are_read_by_fifty_and_without_a_right_to_departments_nobody_leads_them() {
    let (stage, asked) = heard("department.get");
    let users: Vec<UserId> = (1..=120).map(UserId).collect();
    let read = staff(&stage, &users).await;
    assert_eq!(read.employees.len(), 4);
    assert!(read.heads_above(UserId(5)).is_empty());
    let of_users = |method: &&String| *method == "user.get";
    assert_eq!(asked.lock().unwrap().iter().filter(of_users).count(), 3);
}
