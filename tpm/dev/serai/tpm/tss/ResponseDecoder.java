package dev.serai.tpm.tss;

import com.sun.jna.NativeLibrary;

/** The function of tss2_rc.h in use. */
final class ResponseDecoder {
  private ResponseDecoder() {}

  static void bind(NativeLibrary library) {
    com.sun.jna.Native.register(ResponseDecoder.class, library);
  }

  /** The text is the library's: copied by JNA at once, never freed. */
  static native String Tss2_RC_Decode(int responseCode);
}
