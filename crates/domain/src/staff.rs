//! Who works at the portal, as far as it matters whom a message reaches.

use std::collections::{BTreeMap, BTreeSet};

use crate::{DepartmentId, UserId};

/// People and the departments above them, as far as they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staff {
    /// Those the portal told of.
    pub employees: BTreeMap<UserId, Employee>,
    /// Asked for only where somebody works there no more.
    pub departments: BTreeMap<DepartmentId, Department>,
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employee {
    /// Not dismissed.
    pub works: bool,
    /// Where.
    pub departments: Vec<DepartmentId>,
}

/// One department.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Department {
    /// What it is a part of.
    pub parent: Option<DepartmentId>,
    /// Who leads it.
    pub head: Option<UserId>,
}

impl Staff {
    /// Who leads a person's departments, then those above them, the nearest first; never that person.
    pub fn heads_above(&self, user: UserId) -> Vec<UserId> {
        let own = self.employees.get(&user);
        let mut level: Vec<DepartmentId> = own
            .map(|employee| employee.departments.clone())
            .unwrap_or_default();
        let (mut seen, mut heads) = (BTreeSet::new(), Vec::new());
        while !level.is_empty() {
            // A department that is above itself is none that a person made; it ends here all the same.
            level.retain(|id| seen.insert(*id));
            let known: Vec<&Department> = level
                .iter()
                .filter_map(|id| self.departments.get(id))
                .collect();
            for head in known.iter().filter_map(|department| department.head) {
                if head != user && !heads.contains(&head) {
                    heads.push(head);
                }
            }
            level = known
                .iter()
                .filter_map(|department| department.parent)
                .collect();
        }
        heads
    }
}

#[cfg(test)]
mod tests {
    use super::{Department, Employee, Staff};
    use crate::{DepartmentId, UserId};

    fn staff(departments: &[(u64, Option<u64>, Option<u64>)]) -> Staff {
        let gone = Employee {
            works: false,
            departments: vec![DepartmentId(3)],
        };
        Staff {
            employees: [(UserId(5), gone)].into(),
            departments: departments
                .iter()
                .map(|(id, parent, head)| {
                    let department = Department {
                        parent: parent.map(DepartmentId),
                        head: head.map(UserId),
                    };
                    (DepartmentId(*id), department)
                })
                .collect(),
        }
    }

    #[test]
    fn heads_are_named_from_the_nearest_department_up() {
        for (departments, expected) in [
            (
                &[(3, Some(1), Some(7)), (1, None, Some(9))][..],
                &[7, 9][..],
            ),
            // Who led the department himself is stood in for from above.
            (&[(3, Some(1), Some(5)), (1, None, Some(9))], &[9]),
            (&[(3, Some(1), None), (1, Some(3), None)], &[]),
            (&[(3, Some(1), Some(7)), (1, None, Some(7))], &[7]),
            (&[], &[]),
        ] {
            let expected: Vec<UserId> = expected.iter().copied().map(UserId).collect();
            assert_eq!(staff(departments).heads_above(UserId(5)), expected);
        }
        assert!(staff(&[]).heads_above(UserId(6)).is_empty());
    }
}
