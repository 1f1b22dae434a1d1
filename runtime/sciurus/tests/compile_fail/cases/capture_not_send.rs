use std::cell::RefCell;
use std::rc::Rc;

use sciurus::prelude::*;

fn count(lines: DataStream<String>) {
    let seen = Rc::new(RefCell::new(0));
    lines.filter(move |_| { //~ `Rc<RefCell<i32>>` cannot be sent between threads
        *seen.borrow_mut() += 1;
        true
    });
}
