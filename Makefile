.PHONY: setup test lint docs

setup:  ## install the package and everything that tests and checks need
	pip install -e '.[test]'

test:  ## all tests
	python -m pytest -n auto --dist worksteal

lint:  ## what CI checks beside the tests
	ruff check .
	ruff format --check .
	mypy
	lint-imports

docs:  ## write the generated part of docs/configuration.md
	python -c "from pathlib import Path; from entrannas_cli.config.describe import filled; \
	page = Path('docs/configuration.md'); page.write_text(filled(page.read_text()))"
