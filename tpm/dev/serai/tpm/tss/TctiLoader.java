package dev.serai.tpm.tss;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/** The functions of tss2_tctildr.h in use. */
final class TctiLoader {
  private TctiLoader() {}

  static void bind(NativeLibrary library) {
    com.sun.jna.Native.register(TctiLoader.class, library);
  }

  static native int Tss2_TctiLdr_Initialize(String nameConf, Pointer context);

  static native void Tss2_TctiLdr_Finalize(Pointer context);
}
