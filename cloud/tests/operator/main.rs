//! What operators see of the cloud: its HTTPS side, and the command line on it.

mod access;
mod bulk;
mod commands;
mod console;
mod device;
mod devices;
mod digital_twins;
mod enrollments;
mod events;
mod exec;
mod exports;
mod faults;
mod host;
mod hostile;
mod kept;
mod load;
mod messages;
mod methods;
mod process;
mod query;
mod rest_table;
mod site;
mod statistics;
mod templates;
mod trace;
mod twins;
