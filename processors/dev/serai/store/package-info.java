/**
 * The SQL state of a process: transactions and schema. Knows nothing of what the tables mean; each
 * capability keeps its own statements and brings its own migration in {@code config/db}.
 */
package dev.serai.store;
