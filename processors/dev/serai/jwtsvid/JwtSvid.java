package dev.serai.jwtsvid;

import dev.serai.spiffe.SpiffeId;
import java.time.Instant;
import java.util.Map;

/**
 * What a verified JWT-SVID says; made by {@link JwtSvidVerifier} alone.
 *
 * @param audience the one of its audiences that it was verified for
 * @param claims all of them as JSON has them: texts, numbers, booleans, lists, maps and nulls
 */
public record JwtSvid(
    SpiffeId id, String audience, Instant expiresAt, Map<String, Object> claims) {}
