/**
 * The torture suite: the roles as processes of their own, each on a network of its own, under load,
 * while faults of every kind strike them by a plan that follows from a seed. What has to hold all
 * the time is held after each round. It sees the product from outside only: sockets, files,
 * signals.
 */
package dev.serai.torture;
