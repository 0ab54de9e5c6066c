"""Import templates: named, versioned ways to read and load the files of one origin."""

import io
from collections.abc import Mapping
from typing import Any

from backout.client.paths import template_path
from backout.client.transport import Transport
from backout.client.uploads import open_body


class TemplateMethods:
    """What a client does with import templates. The methods return documents as the API has them."""

    _transport: Transport

    def templates(self) -> list[dict[str, Any]]:
        """List the templates, each in its latest version.

        Returns:
            Documents with `name`, `version`, `dataset`, `options`, `header` and `made_from`, by name.

        Example:
            >>> [template["name"] for template in client.templates()]
            ['amazon-de']
        """
        return list(self._transport.ask("GET", "/v1/templates")["templates"])

    def template(self, name: str, version: int | None = None) -> dict[str, Any]:
        """Get one template.

        Args:
            name: the template's name.
            version: its version; by default the latest.

        Returns:
            The template.

        Raises:
            NotFound: there is no such template or version.

        Example:
            >>> client.template("amazon-de")["options"]["encoding"]
            'windows-1252'
        """
        return dict(self._transport.ask("GET", template_path(name), params=_version(version)))

    def template_yaml(self, name: str, version: int | None = None) -> bytes:
        """Export one template as YAML, which `save_template_yaml` reads.

        Args:
            name: the template's name.
            version: its version; by default the latest.

        Returns:
            The YAML, in UTF-8.

        Raises:
            NotFound: there is no such template or version.

        Example:
            >>> Path("amazon-de.yaml").write_bytes(client.template_yaml("amazon-de"))
        """
        params = {"format": "yaml", **_version(version)}
        with self._transport.stream("GET", template_path(name), params=params) as answer:
            return b"".join(answer.iter_bytes())

    def save_template(
        self, name: str, *, dataset: str = "orders", options: Mapping[str, Any], header: str | None = None
    ) -> dict[str, Any]:
        """Save a template. The same content again makes no new version.

        Args:
            name: 1 to 64 of a-z, 0-9, - and _.
            dataset: the dataset to load into.
            options: options of an import, see `Options`.
            header: the `header` of a preview: previews of files with this header then offer the template.

        Returns:
            The template in its latest version.

        Raises:
            InvalidRequest: the name or an option is invalid.

        Example:
            >>> client.save_template("amazon-de", options={"null": "-"})["version"]
            1
        """
        document = {"dataset": dataset, "options": dict(options), **({} if header is None else {"header": header})}
        return dict(self._transport.ask("PUT", template_path(name), json=document))

    def save_template_of(self, name: str, import_id: str) -> dict[str, Any]:
        """Save a template with the options of an import, and the header of its file.

        Args:
            name: the template's name, as in `save_template`.
            import_id: the import's id.

        Returns:
            The template in its latest version.

        Raises:
            InvalidRequest: the name is invalid, or the import's rows were generated.
            NotFound: there is no such import.

        Example:
            >>> client.save_template_of("amazon-de", accepted.id)["made_from"] == accepted.id
            True
        """
        return dict(self._transport.ask("PUT", template_path(name), json={"import": import_id}))

    def save_template_yaml(self, name: str, document: bytes) -> dict[str, Any]:
        """Save a template from YAML.

        Args:
            name: the template's name, as in `save_template`; the name in the YAML is ignored.
            document: the YAML, as `template_yaml` returns it.

        Returns:
            The template in its latest version.

        Raises:
            InvalidRequest: the name, the YAML or an option is invalid.

        Example:
            >>> client.save_template_yaml("amazon-de", Path("amazon-de.yaml").read_bytes())
        """
        headers = {"Content-Type": "application/yaml"}
        body = open_body(io.BytesIO(document))
        return dict(self._transport.ask("PUT", template_path(name), body=body, headers=headers))

    def delete_template(self, name: str) -> None:
        """Delete a template with all its versions. It is not retried after a lost answer.

        Args:
            name: the template's name.

        Raises:
            NotFound: there is no such template.

        Example:
            >>> client.delete_template("amazon-de")
        """
        with self._transport.stream("DELETE", template_path(name), repeatable=False):
            pass


def _version(version: int | None) -> dict[str, str]:
    return {} if version is None else {"version": str(version)}
