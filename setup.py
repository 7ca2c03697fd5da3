"""What setup.cfg cannot say: packages are the folders there are, by the names they are used by."""

import setuptools

setuptools.setup(
    packages=[
        *setuptools.find_packages(include=["tfedge", "tfedge.*"]),
        *("tfedge_models", "tfedge_pipelines", "tfedge_tools", "tfedge_tools.phone"),
    ]
)
