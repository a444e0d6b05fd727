"""The variables of runs that render one object of each kind."""

LOCAL = {
    "whisperops/whisper.cpp:cuda12.4.1-61": "registry.example.com/whisper.cpp@sha256:" + "6" * 64,
    "whisperops/whisper.cpp:cuda13.0.2-89": "registry.example.com/whisper.cpp@sha256:" + "8" * 64,
}
ALL = {
    "whisper_kubernetes_ingress_host": "speech.example.com",
    "whisper_kubernetes_ingress_class": "nginx",
    "whisper_kubernetes_ingress_tls_secret": "speech-tls",
    "whisper_kubernetes_images": LOCAL,
}
