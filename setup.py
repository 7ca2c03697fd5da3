"""What setup.cfg cannot say: packages are the folders there are, by the names they are used by.

src/ links to each by its name. An editable install puts src/ on the import path, so that a script
beside a clone that is called tfedge imports the package, and not the clone as an empty namespace.
"""

import setuptools

setuptools.setup(
    packages=[
        *setuptools.find_packages("src", include=["tfedge", "tfedge.*"]),
        *("tfedge_models", "tfedge_pipelines", "tfedge_pipelines.publishing"),
        *("tfedge_tools", "tfedge_tools.phone"),
    ]
)
