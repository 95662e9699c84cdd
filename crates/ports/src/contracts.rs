//! The contract suites. An implementation of a port calls the suite of that port from its own tests.
