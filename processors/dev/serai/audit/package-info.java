/**
 * What was decided, kept so that a change shows: an append-only log in the database, each record
 * hashed over the one before it, with the last hash also outside the database. The roles say what
 * they record; this package knows nothing of them.
 */
package dev.serai.audit;
