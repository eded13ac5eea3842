package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmEccCurve;
import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.spec.ECFieldFp;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.util.EnumMap;
import java.util.Map;

/** The NIST curves as JCA knows them, and points on them. */
final class EccPoints {
  private static final Map<TpmEccCurve, ECParameterSpec> PARAMETERS =
      new EnumMap<>(TpmEccCurve.class);

  static {
    for (TpmEccCurve curve : TpmEccCurve.values()) {
      try {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec(curve.jcaName()));
        PARAMETERS.put(curve, parameters.getParameterSpec(ECParameterSpec.class));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this Java has no " + curve.jcaName(), e);
      }
    }
  }

  private EccPoints() {}

  static ECParameterSpec parameters(TpmEccCurve curve) {
    return PARAMETERS.get(curve);
  }

  /** With zeros in front up to the curve's coordinate length; some TPMs strip them. */
  static Bytes padded(Bytes coordinate, TpmEccCurve curve) {
    int missing = curve.coordinateLength() - coordinate.size();
    return missing == 0 ? coordinate : Bytes.concat(Bytes.copyOf(new byte[missing]), coordinate);
  }

  /** y^2 = x^3 + ax + b, both coordinates below p. The point at infinity has no coordinates. */
  static boolean isOnCurve(TpmEccCurve curve, Bytes x, Bytes y) {
    ECParameterSpec parameters = PARAMETERS.get(curve);
    BigInteger p = ((ECFieldFp) parameters.getCurve().getField()).getP();
    BigInteger px = new BigInteger(1, x.toArray());
    BigInteger py = new BigInteger(1, y.toArray());
    if (px.compareTo(p) >= 0 || py.compareTo(p) >= 0) {
      return false;
    }
    BigInteger right =
        px.multiply(px)
            .add(parameters.getCurve().getA())
            .multiply(px)
            .add(parameters.getCurve().getB())
            .mod(p);
    return py.multiply(py).mod(p).equals(right);
  }
}
