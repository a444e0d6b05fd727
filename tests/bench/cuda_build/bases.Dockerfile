# What the official Dockerfile finds in NVIDIA's images, where the lab has Debian's packages of the same CUDA.
ARG CUDA
ARG SYSTEM
# The compat folder that the official way links against; here the toolkit's own stub.
FROM ${CUDA} AS devel
RUN mkdir -p /usr/local/cuda-13.0/compat \
 && ln -s "$(find /usr/lib -path '*/stubs/libcuda.so')" /usr/local/cuda-13.0/compat/libcuda.so.1

# The libraries that nvidia/cuda:…-runtime lists (cuda-libraries, NPP, NVTX, cuBLAS; NCCL is not in Debian's non-free for 12.4).
FROM ${SYSTEM} AS runtime
RUN sed -i -E 's/^(deb .* main)$/\1 non-free/; s/^Components: main$/& non-free/' $(find /etc/apt -name '*.list' -o -name '*.sources') \
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libcudart12 libnvrtc12 libcublas12 libcublaslt12 \
    libcufft11 libcufftw11 libcurand10 libcusolver11 libcusolvermg11 libcusparse12 libnppc12 libnppial12 libnppicc12 libnppidei12 libnppif12 libnppig12 \
    libnppim12 libnppist12 libnppisu12 libnppitc12 libnpps12 libnvjpeg12 libnvjitlink12 libnvtoolsext1 ocl-icd-libopencl1 >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
